import { OrlopError } from "../../lib/orlop-error.ts";

/** SPDY/3.1 frames; header blocks are still compressed. */
export type SpdyFrame =
  /** Part of a data frame as it arrived; `fin` only on the last part of a last frame. */
  | { readonly type: "data"; readonly stream: number; readonly data: Uint8Array; readonly fin: boolean }
  | {
      readonly type: "syn-stream";
      readonly stream: number;
      readonly associatedTo: number;
      readonly priority: number;
      readonly fin: boolean;
      readonly unidirectional: boolean;
      readonly block: Uint8Array;
    }
  | { readonly type: "syn-reply"; readonly stream: number; readonly fin: boolean; readonly block: Uint8Array }
  | { readonly type: "headers"; readonly stream: number; readonly fin: boolean; readonly block: Uint8Array }
  | { readonly type: "rst-stream"; readonly stream: number; readonly status: number }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "goaway"; readonly lastStream: number; readonly status: number }
  | { readonly type: "window-update"; readonly stream: number; readonly delta: number }
  /** SETTINGS and anything newer: nothing we act on. */
  | { readonly type: "ignored"; readonly kind: number };

/** Status of a RST_STREAM. */
export const RESET = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5, internalError: 6 } as const;

const VERSION = 3;
const FIN = 0x01;
const UNIDIRECTIONAL = 0x02;
const STREAM_MASK = 0x7fff_ffff;
/** Largest payload of a data frame. */
export const DATA_BYTES = 0xff_ffff;

const KIND = {
  "syn-stream": 1,
  "syn-reply": 2,
  "rst-stream": 3,
  ping: 6,
  goaway: 7,
  headers: 8,
  "window-update": 9,
} as const;

function control(kind: number, flags: number, numbers: readonly number[], block?: Uint8Array): Uint8Array {
  const length = numbers.length * 4 + (block?.byteLength ?? 0);
  const bytes = new Uint8Array(8 + length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x8000 | VERSION);
  view.setUint16(2, kind);
  view.setUint32(4, ((flags << 24) | length) >>> 0);
  numbers.forEach((value, index) => view.setUint32(8 + index * 4, value >>> 0));
  if (block !== undefined) bytes.set(block, 8 + numbers.length * 4);
  return bytes;
}

/** The bytes of a frame. Data longer than DATA_BYTES throws RangeError. */
export function encodeFrame(frame: Exclude<SpdyFrame, { type: "ignored" }>): Uint8Array {
  switch (frame.type) {
    case "data": {
      if (frame.data.byteLength > DATA_BYTES) throw new RangeError("a SPDY data frame holds at most 16 MiB - 1");
      const bytes = new Uint8Array(8 + frame.data.byteLength);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, frame.stream);
      view.setUint32(4, (((frame.fin ? FIN : 0) << 24) | frame.data.byteLength) >>> 0);
      bytes.set(frame.data, 8);
      return bytes;
    }
    case "syn-stream": {
      const flags = (frame.fin ? FIN : 0) | (frame.unidirectional ? UNIDIRECTIONAL : 0);
      const head = control(KIND[frame.type], flags, [frame.stream, frame.associatedTo]);
      const bytes = new Uint8Array(head.byteLength + 2 + frame.block.byteLength);
      bytes.set(head);
      bytes[head.byteLength] = frame.priority << 5;
      bytes.set(frame.block, head.byteLength + 2);
      new DataView(bytes.buffer).setUint32(4, ((flags << 24) | (bytes.byteLength - 8)) >>> 0);
      return bytes;
    }
    case "syn-reply":
    case "headers":
      return control(KIND[frame.type], frame.fin ? FIN : 0, [frame.stream], frame.block);
    case "rst-stream":
      return control(KIND[frame.type], 0, [frame.stream, frame.status]);
    case "ping":
      return control(KIND[frame.type], 0, [frame.id]);
    case "goaway":
      return control(KIND[frame.type], 0, [frame.lastStream, frame.status]);
    case "window-update":
      return control(KIND[frame.type], 0, [frame.stream, frame.delta]);
  }
}

function decodeControl(kind: number, flags: number, payload: Uint8Array): SpdyFrame {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const need = (length: number): void => {
    if (payload.byteLength < length) throw new OrlopError("Invalid", `SPDY control frame ${kind} is too short`);
  };
  const stream = (): number => view.getUint32(0) & STREAM_MASK;
  const fin = (flags & FIN) !== 0;
  switch (kind) {
    case KIND["syn-stream"]:
      need(10);
      return {
        type: "syn-stream",
        stream: stream(),
        associatedTo: view.getUint32(4) & STREAM_MASK,
        priority: view.getUint8(8) >> 5,
        fin,
        unidirectional: (flags & UNIDIRECTIONAL) !== 0,
        block: payload.subarray(10),
      };
    case KIND["syn-reply"]:
      need(4);
      return { type: "syn-reply", stream: stream(), fin, block: payload.subarray(4) };
    case KIND.headers:
      need(4);
      return { type: "headers", stream: stream(), fin, block: payload.subarray(4) };
    case KIND["rst-stream"]:
      need(8);
      return { type: "rst-stream", stream: stream(), status: view.getUint32(4) };
    case KIND.ping:
      need(4);
      return { type: "ping", id: view.getUint32(0) };
    case KIND.goaway:
      need(4);
      return { type: "goaway", lastStream: stream(), status: payload.byteLength >= 8 ? view.getUint32(4) : 0 };
    case KIND["window-update"]:
      need(8);
      return { type: "window-update", stream: stream(), delta: view.getUint32(4) & STREAM_MASK };
    default:
      return { type: "ignored", kind };
  }
}

export interface FrameReader {
  /** Frames completed by these bytes, in order. Throws OrlopError Invalid when they are no SPDY/3. */
  push(bytes: Uint8Array): readonly SpdyFrame[];
}

/**
 * Cuts a byte stream into frames. Holds at most one control frame (up to `controlBytes`); data passes through in the
 * pieces it came in, whatever length its frame claims.
 */
export function createFrameReader(options: { readonly controlBytes?: number } = {}): FrameReader {
  const controlBytes = options.controlBytes ?? 128 * 1024;
  let pending = new Uint8Array(0);
  /** The data frame whose payload is passing through. */
  let passing: { readonly stream: number; readonly fin: boolean; readonly left: number } | undefined;

  return {
    push(chunk) {
      const frames: SpdyFrame[] = [];
      let bytes = chunk;
      if (pending.byteLength > 0) {
        bytes = new Uint8Array(pending.byteLength + chunk.byteLength);
        bytes.set(pending);
        bytes.set(chunk, pending.byteLength);
      }
      let offset = 0;
      for (;;) {
        if (passing !== undefined) {
          const data = bytes.subarray(offset, offset + passing.left);
          const left: number = passing.left - data.byteLength;
          offset += data.byteLength;
          if (data.byteLength > 0 || left === 0) {
            frames.push({ type: "data", stream: passing.stream, data, fin: passing.fin && left === 0 });
          }
          passing = left === 0 ? undefined : { ...passing, left };
          if (passing !== undefined) break;
        }
        if (bytes.byteLength - offset < 8) break;
        const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
        const first = view.getUint32(0);
        const second = view.getUint32(4);
        const flags = second >>> 24;
        const length = second & 0xff_ffff;
        if (first >>> 31 === 0) {
          passing = { stream: first, fin: (flags & FIN) !== 0, left: length };
          offset += 8;
          continue;
        }
        const version = (first >>> 16) & 0x7fff;
        if (version !== VERSION) throw new OrlopError("Invalid", `The peer speaks SPDY version ${version}, not 3`);
        if (length > controlBytes) {
          throw new OrlopError(
            "Invalid",
            `A SPDY control frame of ${length} bytes exceeds the limit of ${controlBytes}`,
          );
        }
        if (bytes.byteLength - offset < 8 + length) break;
        const payload = bytes.slice(offset + 8, offset + 8 + length);
        frames.push(decodeControl(first & 0xffff, flags, payload));
        offset += 8 + length;
      }
      pending = bytes.slice(offset);
      return frames;
    },
  };
}
