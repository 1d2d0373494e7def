import { OrlopError } from "../../lib/orlop-error.ts";
import { linkAbort } from "../../machinery/linked-abort.ts";
import type { Clock } from "../../ports/clock.ts";
import type { FileReader, OpenFile } from "../../ports/files.ts";
import type { BodyWriter } from "../../ports/http.ts";
import { createWake } from "../pods/wake.ts";
import type { LogOptions } from "./log-options.ts";
import { concatenate, createLineCutter, createLogText } from "./log-text.ts";
import { tailOffset } from "./tail-offset.ts";

export interface ReadLogDeps {
  readonly files: Pick<FileReader, "open" | "information" | "changes">;
  readonly clock: Clock;
}

export interface ReadLogSource {
  /** Host path of the log file. */
  readonly path: string;
  /** Whether more may come: false once the container has ended and its log is complete. */
  readonly live: () => boolean;
}

const CHUNK_BYTES = 64 * 1024;
/** Runtimes cut lines at 16 KiB; this leaves room for odd ones. */
const LONGEST_LINE_BYTES = 1024 * 1024;
const LOOK_AGAIN_MS = 1_000;

/** A log that is ready to be written out. Opening it separately lets a missing file be told before an answer begins. */
export interface OpenLog {
  writeTo(writer: BodyWriter, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Opens a container's log. Throws OrlopError NotFound when there is none. */
export async function openLog(deps: ReadLogDeps, source: ReadLogSource, options: LogOptions): Promise<OpenLog> {
  const file = await deps.files.open(source.path);
  const reading = { file, offset: 0 };
  return {
    writeTo: (writer, signal) => copy(deps, source, options, reading, writer, signal),
    close: () => reading.file.close(),
  };
}

interface Reading {
  file: OpenFile;
  offset: number;
}

async function copy(
  deps: ReadLogDeps,
  source: ReadLogSource,
  options: LogOptions,
  reading: Reading,
  writer: BodyWriter,
  signal: AbortSignal,
): Promise<void> {
  const text = createLogText(options);
  const cutter = createLineCutter(LONGEST_LINE_BYTES);
  if (options.tailLines !== undefined) {
    reading.offset = await tailOffset(reading.file, (await reading.file.information()).size, options.tailLines);
  }
  const emit = async (lines: readonly Uint8Array[]): Promise<void> => {
    const bytes = concatenate(lines.map((line) => text.line(line)));
    if (bytes.length > 0) await writer.write(bytes);
  };
  // Lets the client see that the request was taken, also while the log is empty.
  await writer.write("");
  const watch = options.follow ? startWatching(deps, source.path, signal) : undefined;
  try {
    while (!signal.aborted && !text.done) {
      // Asked before reading: what was written until the container ended is then read for sure.
      const live = options.follow && source.live();
      const chunk = await reading.file.read(reading.offset, CHUNK_BYTES);
      if (chunk.length > 0) {
        reading.offset += chunk.length;
        await emit(cutter.push(chunk));
        continue;
      }
      if (await reopenWhenRotated(deps, source.path, reading)) continue;
      if (!live) break;
      await watch?.wait();
    }
    if (!signal.aborted && !text.done) await emit([cutter.rest()].filter((line) => line.length > 0));
  } finally {
    await watch?.stop();
  }
}

/** After rotation the path is another file, or the same one cut short. */
async function reopenWhenRotated(deps: ReadLogDeps, path: string, reading: Reading): Promise<boolean> {
  const [own, current] = await Promise.all([
    reading.file.information(),
    deps.files.information(path, { followLinks: true }),
  ]);
  if (current === undefined) return false;
  if (current.inode === own.inode && current.device === own.device) {
    if (current.size >= reading.offset) return false;
    reading.offset = 0;
    return true;
  }
  // Rotated while we looked: what came to the old file since must not be skipped.
  if (own.size > reading.offset) return true;
  const next = await deps.files.open(path).catch((reason: unknown) => {
    if (reason instanceof OrlopError && reason.code === "NotFound") return undefined;
    throw reason;
  });
  if (next === undefined) return false;
  await reading.file.close();
  reading.file = next;
  reading.offset = 0;
  return true;
}

/** Waits for a change in the log's directory, but never longer than a second: a container may end without one. */
function startWatching(deps: ReadLogDeps, path: string, outer: AbortSignal) {
  const own = linkAbort(outer);
  const wake = createWake(deps.clock);
  const watching = (async () => {
    try {
      for await (const _ of deps.files.changes(path.slice(0, path.lastIndexOf("/")), own.signal)) wake.ring();
    } catch {
      // Without notifications (too many watches on the host) looking every second is enough.
    }
  })();
  return {
    wait: () => wake.wait(LOOK_AGAIN_MS, own.signal).catch(() => undefined),
    stop: async (): Promise<void> => {
      own.abort();
      own.release();
      await watching;
    },
  };
}
