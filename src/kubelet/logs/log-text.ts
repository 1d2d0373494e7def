import { parseLogEntry } from "./log-entry.ts";
import type { LogOptions } from "./log-options.ts";

const NEWLINE = 0x0a;
const NEWLINE_BYTES = new Uint8Array([NEWLINE]);
const encoder = new TextEncoder();

/** Turns raw log lines into what a reader asked for. Holds the little state that goes from line to line. */
export interface LogText {
  /** Bytes for the reader out of one raw line (without newline); empty when it is left out. */
  line(raw: Uint8Array): Uint8Array;
  /** Whether limitBytes is used up: nothing more will come. */
  readonly done: boolean;
}

type LogTextOptions = Pick<LogOptions, "timestamps" | "since" | "limitBytes" | "stream">;

export function createLogText(options: LogTextOptions): LogText {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  /** Streams in the middle of a line that the runtime cut. */
  const continued = { stdout: false, stderr: false };
  const wanted = options.stream === "All" ? undefined : options.stream.toLowerCase();
  const nothing = new Uint8Array();

  return {
    get done() {
      return left <= 0;
    },
    line(raw) {
      const entry = parseLogEntry(raw);
      if (entry === undefined || left <= 0) return nothing;
      const atStart = !continued[entry.stream];
      continued[entry.stream] = !entry.complete;
      if (wanted !== undefined && entry.stream !== wanted) return nothing;
      if (options.since !== undefined && Date.parse(entry.timestamp) < options.since) return nothing;
      // The time stands at the start of a line only, however often the runtime cut it.
      const prefix = options.timestamps && atStart ? encoder.encode(`${entry.timestamp} `) : nothing;
      const text = concatenate([prefix, entry.message, entry.complete ? NEWLINE_BYTES : nothing]);
      const cut = text.length > left ? text.subarray(0, left) : text;
      left -= cut.length;
      return cut;
    },
  };
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

/** Cuts a byte stream into lines. A last line without newline stays inside until `rest` is asked for. */
export function createLineCutter(longestLine: number): {
  push(chunk: Uint8Array): readonly Uint8Array[];
  rest(): Uint8Array;
} {
  let pending: Uint8Array[] = [];
  let size = 0;
  const take = (): Uint8Array => {
    const line = pending.length === 1 ? (pending[0] ?? new Uint8Array()) : concatenate(pending);
    pending = [];
    size = 0;
    return line;
  };
  return {
    push(chunk) {
      const lines: Uint8Array[] = [];
      let start = 0;
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
        pending.push(chunk.subarray(start, at));
        lines.push(take());
        start = at + 1;
      }
      // A file without newlines is no log: it is dropped piece by piece instead of filling the memory.
      if (size + chunk.length - start > longestLine) take();
      if (start < chunk.length) {
        pending.push(chunk.slice(start));
        size += chunk.length - start;
      }
      return lines;
    },
    rest: take,
  };
}
