import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { ByteConnection } from "../../ports/bytes.ts";
import { createFrameReader, encodeFrame, RESET, type SpdyFrame } from "../../core/streams/spdy-frames.ts";
import {
  createHeaderCompressor,
  createHeaderDecompressor,
  decodeHeaderBlock,
  encodeHeaderBlock,
  type InflatePiece,
  type SpdyHeaders,
} from "../../core/streams/spdy-headers.ts";
import { createSpdyStream, type SpdyStream, type StreamControl, type StreamWire } from "./spdy-stream.ts";

export interface SpdyConnectionDeps {
  readonly connection: ByteConnection;
  readonly inflate: InflatePiece;
  /** Called for each stream the peer opens; false refuses it. Absent: all are refused. */
  readonly onStream?: (stream: SpdyStream) => boolean;
}

export interface SpdyConnectionOptions {
  readonly role: "client" | "server";
  /** Streams that may be open at once. @default 1000 */
  readonly maxStreams?: number;
}

export interface SpdyConnection {
  /** Reads frames until the connection ends. Rejects when it breaks or the peer violates the protocol. */
  run(): Promise<void>;
  open(headers: SpdyHeaders): Promise<SpdyStream>;
  /** Resolves at the answer. */
  ping(): Promise<void>;
  /** Says that no new streams are taken; open ones go on. */
  goAway(): Promise<void>;
  destroy(reason?: Error): void;
}

type SentFrame = Exclude<SpdyFrame, { type: "ignored" }>;

/**
 * One SPDY/3.1 connection, either side. Flow control is TCP's: no peer in Kubernetes sends WINDOW_UPDATE or reads it,
 * so a window would stop every transfer after 64 KiB. A stream whose reader is slow therefore holds up the others of
 * its connection, as everywhere in Kubernetes; what is held for it stays bounded.
 */
export function createSpdyConnection(deps: SpdyConnectionDeps, options: SpdyConnectionOptions): SpdyConnection {
  const { connection } = deps;
  const maxStreams = options.maxStreams ?? 1000;
  const compressor = createHeaderCompressor();
  const decompressor = createHeaderDecompressor(deps.inflate);
  const reader = createFrameReader();
  const streams = new Map<number, StreamControl>();
  const pings = new Map<number, { readonly resolve: () => void; readonly reject: (reason: Error) => void }>();
  const isOurs = (id: number): boolean => (id % 2 === 1) === (options.role === "client");
  let nextId = options.role === "client" ? 1 : 2;
  let nextPing = nextId;
  let lastSeen = 0;
  let goneAway = false;
  let lost: Error | undefined;

  function send(frame: SentFrame): Promise<void> {
    return lost === undefined ? connection.write(encodeFrame(frame)) : Promise.reject(lost);
  }

  /** For frames nobody waits for: failing to send shows where the connection is read. */
  function sendAside(frame: SentFrame): void {
    send(frame).catch(() => undefined);
  }

  const wire: StreamWire = {
    data: (stream, data, fin) => send({ type: "data", stream, data, fin }),
    reset: (stream, status) => sendAside({ type: "rst-stream", stream, status }),
    finished: (stream) => {
      streams.delete(stream);
    },
  };

  function onSynStream(frame: Extract<SpdyFrame, { type: "syn-stream" }>): void {
    const headers = decodeHeaderBlock(decompressor.decompress(frame.block));
    const { stream: id } = frame;
    if (id === 0 || isOurs(id) || id <= lastSeen) {
      wire.reset(id, RESET.protocolError);
      return;
    }
    lastSeen = id;
    if (goneAway || streams.size >= maxStreams || deps.onStream === undefined) {
      wire.reset(id, RESET.refusedStream);
      return;
    }
    const control = createSpdyStream(id, headers, wire);
    control.accept();
    streams.set(id, control);
    if (frame.unidirectional) control.endWriting();
    if (frame.fin) control.endReading();
    if (!deps.onStream(control.stream)) {
      streams.delete(id);
      wire.reset(id, RESET.refusedStream);
      return;
    }
    const block = compressor.compress(encodeHeaderBlock(new Map()));
    sendAside({ type: "syn-reply", stream: id, fin: false, block });
  }

  async function onFrame(frame: SpdyFrame): Promise<void> {
    switch (frame.type) {
      case "data": {
        const control = streams.get(frame.stream);
        await control?.receive(frame.data);
        if (frame.fin) control?.endReading();
        return;
      }
      case "syn-stream":
        onSynStream(frame);
        return;
      case "syn-reply":
      case "headers": {
        // The compression state covers every block, whether anybody wants its headers or not.
        decompressor.decompress(frame.block);
        const control = streams.get(frame.stream);
        if (frame.type === "syn-reply") control?.accept();
        if (frame.fin) control?.endReading();
        return;
      }
      case "rst-stream": {
        const why = `SPDY stream ${frame.stream} was reset by the peer (status ${frame.status})`;
        streams.get(frame.stream)?.fail(new OrlopError("Unavailable", why, { retry: "never" }));
        return;
      }
      case "ping":
        if (isOurs(frame.id)) {
          pings.get(frame.id)?.resolve();
          pings.delete(frame.id);
        } else sendAside(frame);
        return;
      case "goaway":
        goneAway = true;
        return;
      case "window-update":
      case "ignored":
        return;
    }
  }

  function lose(reason: Error): void {
    lost ??= reason;
    for (const control of [...streams.values()]) control.fail(lost);
    for (const waiting of pings.values()) waiting.reject(lost);
    pings.clear();
  }

  return {
    async run() {
      try {
        for await (const chunk of connection.readable) {
          for (const frame of reader.push(chunk)) await onFrame(frame);
        }
        lose(new OrlopError("Unavailable", "The SPDY connection was closed by the peer", { retry: "never" }));
      } catch (cause) {
        const reason =
          lost ??
          new OrlopError("Unavailable", `The SPDY connection broke: ${messageOf(cause)}`, { cause, retry: "never" });
        lose(reason);
        connection.destroy(reason);
        throw reason;
      }
    },
    async open(headers) {
      if (lost !== undefined) throw lost;
      if (goneAway) throw new OrlopError("Unavailable", "The SPDY peer takes no new streams", { retry: "never" });
      if (streams.size >= maxStreams) {
        throw new OrlopError("ResourceExhausted", `The SPDY connection already has ${maxStreams} streams`);
      }
      const id = nextId;
      nextId += 2;
      const control = createSpdyStream(id, headers, wire);
      streams.set(id, control);
      const block = compressor.compress(encodeHeaderBlock(headers));
      await send({
        type: "syn-stream",
        stream: id,
        associatedTo: 0,
        priority: 0,
        fin: false,
        unidirectional: false,
        block,
      });
      return control.stream;
    },
    async ping() {
      const id = nextPing;
      nextPing += 2;
      const answered = new Promise<void>((resolve, reject) => pings.set(id, { resolve, reject }));
      await Promise.all([send({ type: "ping", id }), answered]);
    },
    async goAway() {
      goneAway = true;
      await send({ type: "goaway", lastStream: lastSeen, status: 0 });
    },
    destroy(reason) {
      lose(reason ?? new OrlopError("Cancelled", "The SPDY connection was closed"));
      connection.destroy(lost);
    },
  };
}
