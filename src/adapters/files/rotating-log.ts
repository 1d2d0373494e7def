import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { RecordLog } from "../../ports/record-log.ts";

export interface RotatingLogOptions {
  /** Absolute. Rotated files lie beside it: "audit.log" becomes "audit-TIME.log". */
  readonly path: string;
  readonly maximumBytes: number;
  /** Rotated files that are kept beside the one in use. */
  readonly backups: number;
  /** Lines that wait for the disk, in bytes; more are dropped. @default 16 MiB */
  readonly pendingBytes?: number;
}

export interface RotatingLog extends RecordLog {
  /** Resolves when all that was taken is written, or given up. */
  flush(): Promise<void>;
  /** Writes what waits and closes the file. Later lines are dropped. */
  close(): Promise<void>;
}

const MODE = 0o600;
const NO_LINKS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

interface Opened {
  readonly handle: FileHandle;
  size: number;
}

/**
 * A file that only its owner may read, continued over restarts and rotated by size. Throws OrlopError Unavailable when
 * it can not be opened. A write that fails is logged, its lines are lost, and the next one tries to open it anew.
 */
export async function openRotatingLog(
  deps: { readonly clock: Pick<Clock, "now">; readonly log: Log },
  options: RotatingLogOptions,
): Promise<RotatingLog> {
  const { path, maximumBytes, pendingBytes = 16 * 2 ** 20 } = options;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  let opened: Opened | undefined = await openFile(path).catch((cause: unknown) => {
    throw new OrlopError("Unavailable", `Cannot write ${path}: ${messageOf(cause)}`, { cause });
  });
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let writing: Promise<void> | undefined;
  let closed = false;

  const write = async (piece: Buffer): Promise<void> => {
    if (opened !== undefined && opened.size > 0 && opened.size + piece.length > maximumBytes) {
      await opened.handle.close();
      opened = undefined;
      await rotate(path, deps.clock.now(), options.backups);
    }
    opened ??= await openFile(path);
    await opened.handle.appendFile(piece);
    opened.size += piece.length;
  };

  const drain = async (): Promise<void> => {
    // What comes in the same turn is written in one go.
    await Promise.resolve();
    while (waiting.length > 0) {
      const pieces = waiting;
      waiting = [];
      waitingBytes = 0;
      try {
        for (const piece of batches(pieces, maximumBytes)) await write(piece);
      } catch (reason) {
        deps.log.error("records were lost: the file can not be written", { path, reason: messageOf(reason) });
        await opened?.handle.close().catch(() => undefined);
        opened = undefined;
      }
    }
  };

  const flush = async (): Promise<void> => {
    while (writing !== undefined) await writing;
  };

  return {
    append: (line) => {
      const bytes = Buffer.from(`${line}\n`);
      if (closed || waitingBytes + bytes.length > pendingBytes) return false;
      waiting.push(bytes);
      waitingBytes += bytes.length;
      writing ??= drain().finally(() => {
        writing = undefined;
      });
      return true;
    },
    flush,
    close: async () => {
      closed = true;
      await flush();
      await opened?.handle.close();
      opened = undefined;
    },
  };
}

async function openFile(path: string): Promise<Opened> {
  const handle = await open(path, NO_LINKS, MODE);
  await handle.chmod(MODE);
  return { handle, size: (await handle.stat()).size };
}

/** Whole lines, together no longer than a file may be. */
function* batches(lines: readonly Buffer[], maximumBytes: number): Generator<Buffer> {
  let batch: Buffer[] = [];
  let size = 0;
  for (const line of lines) {
    if (size > 0 && size + line.length > maximumBytes) {
      yield Buffer.concat(batch);
      batch = [];
      size = 0;
    }
    batch.push(line);
    size += line.length;
  }
  if (size > 0) yield Buffer.concat(batch);
}

async function rotate(path: string, now: number, backups: number): Promise<void> {
  const extension = extname(path);
  const stem = basename(path, extension);
  const directory = dirname(path);
  const isBackup = new RegExp(`^${escaped(stem)}-\\d{4}-\\d\\d-\\d\\dT[\\d-]+Z${escaped(extension)}$`);
  const found = new Set((await readdir(directory)).filter((name) => isBackup.test(name)));
  let time = now;
  const nameAt = (): string => `${stem}-${new Date(time).toISOString().replace(/[:.]/g, "-")}${extension}`;
  while (found.has(nameAt())) time += 1;
  await rename(path, join(directory, nameAt()));
  const old = [...found, nameAt()].sort();
  for (const name of old.slice(0, Math.max(0, old.length - backups))) await unlink(join(directory, name));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
