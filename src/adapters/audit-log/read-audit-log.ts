import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { PassThrough } from "node:stream";
import { createGunzip } from "node:zlib";

/** What was seen of a log besides the events that were handed over. */
export interface LogCounts {
  readonly bytes: number;
  readonly lines: number;
  /** Lines that should have been events and are cut or damaged. */
  readonly unreadable: number;
  /** Lines longer than the limit, not looked at. */
  readonly tooLong: number;
}

export interface ReadAuditLogOptions {
  /** "-" for standard input. Gzip is recognised by content. */
  readonly path: string;
  readonly stdin: Readable;
  readonly signal: AbortSignal;
  /** Only lines with one of these texts are parsed. */
  readonly needles: readonly string[];
  readonly onEvent: (event: unknown) => void;
  readonly onBytes?: (bytes: number) => void;
  /** @default 16 MiB */
  readonly maximumLineBytes?: number;
}

const NEWLINE = 0x0a;
const PIECE = 4 * 2 ** 20;

/**
 * Reads JSON lines in pieces, so memory does not grow with the log. Lines are found by their bytes and only parsed when
 * they can matter.
 */
export async function readAuditLog(options: ReadAuditLogOptions): Promise<LogCounts> {
  const source = options.path === "-" ? options.stdin : createReadStream(options.path, { highWaterMark: PIECE });
  const scanner = createScanner(options);
  let isFirst = true;
  const out = new PassThrough({ highWaterMark: PIECE });
  const pump = async (stream: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of stream) {
      options.onBytes?.(piece.length);
      scanner.take(piece);
    }
  };
  let plain: Promise<void> | undefined;
  let unzip: ReturnType<typeof createGunzip> | undefined;
  for await (const piece of source as AsyncIterable<Buffer>) {
    options.signal.throwIfAborted();
    if (isFirst && piece.length > 0) {
      isFirst = false;
      if (piece[0] === 0x1f && piece[1] === 0x8b) {
        unzip = createGunzip({ chunkSize: 2 ** 20 });
        plain = Promise.all([pipeline(out, unzip), pump(unzip)]).then(() => undefined);
        plain.catch(() => out.destroy());
      }
    }
    if (plain === undefined) {
      options.onBytes?.(piece.length);
      scanner.take(piece);
    } else if (!out.write(piece)) {
      await Promise.race([new Promise((resolve) => out.once("drain", resolve)), plain]);
    }
  }
  out.end();
  let cut = false;
  // A gzip file that ends too early still gave what came before.
  await plain?.catch((reason: unknown) => {
    cut = true;
    if (!(reason instanceof Error && "code" in reason && reason.code === "Z_BUF_ERROR")) throw reason;
  });
  return scanner.finish(cut);
}

function createScanner(options: ReadAuditLogOptions): {
  readonly take: (piece: Buffer) => void;
  readonly finish: (cut: boolean) => LogCounts;
} {
  const maximumLineBytes = options.maximumLineBytes ?? 16 * 2 ** 20;
  const needles = options.needles.map((needle) => Buffer.from(needle));
  let rest: Buffer[] = [];
  let restBytes = 0;
  let skipping = false;
  let [bytes, lines, unreadable, tooLong] = [0, 0, 0, 0];

  const parse = (line: Buffer): void => {
    let event: unknown;
    try {
      event = JSON.parse(line.toString("utf8"));
    } catch {
      unreadable += 1;
      return;
    }
    const items = typeof event === "object" && event !== null && "items" in event ? event.items : undefined;
    if (Array.isArray(items)) for (const item of items) options.onEvent(item);
    else options.onEvent(event);
  };

  const oneLine = (line: Buffer): void => {
    if (line.length === 0) return;
    lines += 1;
    if (needles.some((needle) => line.includes(needle))) parse(line);
    else if (line[0] !== 0x7b) unreadable += 1;
  };

  /** Whole lines in one go: looks for the needles and only then for the lines around them. */
  const block = (whole: Buffer): void => {
    let from = 0;
    for (let next = whole.indexOf(NEWLINE); next >= 0; next = whole.indexOf(NEWLINE, from)) {
      if (next > from) {
        lines += 1;
        const last = whole[next - 1] === 0x0d ? whole[next - 2] : whole[next - 1];
        if (whole[from] !== 0x7b || last !== 0x7d) unreadable += 1;
      }
      from = next + 1;
    }
    const parsed = new Set<number>();
    for (const needle of needles) {
      let hit = whole.indexOf(needle);
      while (hit >= 0) {
        const start = whole.lastIndexOf(NEWLINE, hit) + 1;
        const end = whole.indexOf(NEWLINE, hit);
        if (!parsed.has(start)) {
          parsed.add(start);
          const line = whole.subarray(start, end);
          const isWhole = line[0] === 0x7b && /\}\s*$/.test(line.subarray(-2).toString("latin1"));
          if (isWhole) parse(line);
        }
        hit = whole.indexOf(needle, end);
      }
    }
  };

  return {
    take(piece) {
      bytes += piece.length;
      const last = piece.lastIndexOf(NEWLINE);
      if (last < 0) {
        if (skipping) return;
        rest.push(piece);
        restBytes += piece.length;
        if (restBytes > maximumLineBytes) {
          rest = [];
          restBytes = 0;
          skipping = true;
          tooLong += 1;
        }
        return;
      }
      let start = 0;
      if (skipping) {
        start = piece.indexOf(NEWLINE) + 1;
        skipping = false;
      } else if (restBytes > 0) {
        start = piece.indexOf(NEWLINE) + 1;
        block(Buffer.concat([...rest, piece.subarray(0, start)]));
      }
      if (last + 1 > start) block(piece.subarray(start, last + 1));
      rest = last + 1 < piece.length ? [Buffer.from(piece.subarray(last + 1))] : [];
      restBytes = piece.length - last - 1;
    },
    finish(cut) {
      const tail = Buffer.concat(rest);
      if (tail.length > 0) {
        // The last line may lack its newline and still be whole.
        if (tail[0] === 0x7b && tail[tail.length - 1] === 0x7d) oneLine(tail);
        else {
          lines += 1;
          unreadable += 1;
        }
      } else if (cut) unreadable += 1;
      return { bytes, lines, unreadable, tooLong };
    },
  };
}
