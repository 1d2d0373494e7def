import { OrlopError } from "../../lib/orlop-error.ts";
import { spdyDictionary } from "./spdy-dictionary.ts";

/** Lower-cased names; a header may have several values. */
export type SpdyHeaders = ReadonlyMap<string, readonly string[]>;

/**
 * Inflates a piece of a raw deflate stream that ends at a flush. `before` is what the stream gave so far (at most its
 * last 32 KiB matter). Throws when the piece is no deflate data or gives more than `limitBytes`.
 */
export type InflatePiece = (piece: Uint8Array, before: Uint8Array, limitBytes: number) => Uint8Array;

const WINDOW_BYTES = 32 * 1024;
/** Kubernetes streams carry three short headers; this is generous. */
const BLOCK_BYTES = 64 * 1024;
const STORED_BYTES = 0xffff;

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

function broken(why: string): OrlopError {
  return new OrlopError("Invalid", `Broken SPDY header block: ${why}`);
}

/** The name/value block of SPDY/3, not compressed. */
export function encodeHeaderBlock(headers: SpdyHeaders): Uint8Array {
  const encoder = new TextEncoder();
  const texts = [...headers].flatMap(([name, values]) => [
    encoder.encode(name.toLowerCase()),
    encoder.encode(values.join("\0")),
  ]);
  const bytes = new Uint8Array(4 + texts.reduce((sum, text) => sum + 4 + text.byteLength, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, headers.size);
  let offset = 4;
  for (const text of texts) {
    view.setUint32(offset, text.byteLength);
    bytes.set(text, offset + 4);
    offset += 4 + text.byteLength;
  }
  return bytes;
}

/** Throws OrlopError Invalid for anything but one well-formed block. */
export function decodeHeaderBlock(block: Uint8Array): SpdyHeaders {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const decoder = new TextDecoder();
  let offset = 0;
  const number = (): number => {
    if (offset + 4 > block.byteLength) throw broken("it ends too early");
    offset += 4;
    return view.getUint32(offset - 4);
  };
  const text = (): string => {
    const length = number();
    if (offset + length > block.byteLength) throw broken("it ends too early");
    offset += length;
    return decoder.decode(block.subarray(offset - length, offset));
  };
  const headers = new Map<string, readonly string[]>();
  for (let left = number(); left > 0; left--) {
    const name = text().toLowerCase();
    if (name === "") throw broken("a name is empty");
    if (headers.has(name)) throw broken(`"${name}" is there twice`);
    headers.set(name, text().split("\0"));
  }
  if (offset !== block.byteLength) throw broken("bytes follow the last header");
  return headers;
}

export interface HeaderCompressor {
  compress(block: Uint8Array): Uint8Array;
}

/**
 * A zlib stream that only stores. Headers of Kubernetes streams are a few dozen bytes, so compressing would save
 * nothing, and stored blocks can not leak secrets by their length. Every block ends with a flush.
 */
export function createHeaderCompressor(): HeaderCompressor {
  let started = false;
  return {
    compress(block) {
      // zlib header: deflate, 32 KiB window, no preset dictionary.
      const parts: Uint8Array[] = started ? [] : [Uint8Array.of(0x78, 0x01)];
      started = true;
      for (let offset = 0; offset < block.byteLength; offset += STORED_BYTES) {
        const stored = block.subarray(offset, offset + STORED_BYTES);
        const length = stored.byteLength;
        parts.push(Uint8Array.of(0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff), stored);
      }
      parts.push(Uint8Array.of(0, 0, 0, 0xff, 0xff));
      return join(parts);
    },
  };
}

export interface HeaderDecompressor {
  /** Throws OrlopError Invalid when the block is broken or unreasonably large; the connection is lost then. */
  decompress(block: Uint8Array): Uint8Array;
}

/** Reads the zlib stream of the other side: one stream per connection, with or without the preset dictionary. */
export function createHeaderDecompressor(inflate: InflatePiece): HeaderDecompressor {
  let window: Uint8Array | undefined;
  return {
    decompress(block) {
      let piece = block;
      let before = window;
      if (before === undefined) {
        const [method, flags] = piece;
        if (method === undefined || flags === undefined || (method & 0x0f) !== 8 || (method * 256 + flags) % 31 !== 0) {
          throw broken("no zlib header");
        }
        const preset = (flags & 0x20) !== 0;
        before = preset ? spdyDictionary() : new Uint8Array(0);
        piece = piece.subarray(preset ? 6 : 2);
      }
      let output: Uint8Array;
      try {
        output = inflate(piece, before, BLOCK_BYTES);
      } catch (cause) {
        throw new OrlopError("Invalid", "Broken SPDY header block: it does not inflate", { cause });
      }
      window = join([before, output]).slice(-WINDOW_BYTES);
      return output;
    },
  };
}
