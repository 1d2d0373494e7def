import { type Stats, constants, watch } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { OrlopError } from "../../lib/orlop-error.ts";
import type {
  DirectoryEntry,
  FileInformation,
  FileKind,
  FileReader,
  FileWriter,
  Files,
  OpenFile,
} from "../../ports/files.ts";
import { errnoOf, fileFailure } from "./failure.ts";
import { replaceFile } from "./replace-file.ts";

const PARENT_MODE = 0o750;
const PERMISSIONS = 0o7777;

interface Kinds {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isSocket(): boolean;
  isBlockDevice(): boolean;
  isCharacterDevice(): boolean;
}

function kindOf(kinds: Kinds): FileKind {
  if (kinds.isFile()) return "file";
  if (kinds.isDirectory()) return "directory";
  if (kinds.isSymbolicLink()) return "symlink";
  if (kinds.isSocket()) return "socket";
  if (kinds.isBlockDevice()) return "block-device";
  return kinds.isCharacterDevice() ? "character-device" : "fifo";
}

function informationOf(stats: Stats): FileInformation {
  return {
    kind: kindOf(stats),
    mode: stats.mode & PERMISSIONS,
    uid: stats.uid,
    gid: stats.gid,
    size: stats.size,
    device: stats.dev,
    inode: stats.ino,
    modifiedAt: stats.mtimeMs,
  };
}

async function attempt<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (reason) {
    throw fileFailure(reason, doing);
  }
}

/** Files of this host through node:fs. */
export function createFiles(): Files {
  return { ...createReader(), ...createWriter() };
}

function createReader(): FileReader {
  return {
    information: (path, options) =>
      attempt(`look at ${path}`, async () => {
        try {
          return informationOf(await (options?.followLinks === true ? fs.stat(path) : fs.lstat(path)));
        } catch (reason) {
          if (errnoOf(reason) === "ENOENT" || errnoOf(reason) === "ENOTDIR") return undefined;
          throw reason;
        }
      }),
    read: (path, limitBytes) =>
      attempt(`read ${path}`, async () => {
        const handle = await fs.open(path, "r");
        try {
          return await readBounded(handle, path, limitBytes);
        } finally {
          await handle.close();
        }
      }),
    list: (path) =>
      attempt(`list ${path}`, async () => {
        const entries = await fs.readdir(path, { withFileTypes: true });
        return entries.map((entry): DirectoryEntry => ({ name: entry.name, kind: kindOf(entry) }));
      }),
    readLink: (path) => attempt(`read link ${path}`, () => fs.readlink(path)),
    realPath: (path) => attempt(`resolve ${path}`, () => fs.realpath(path)),
    open: (path) =>
      attempt(`open ${path}`, async () => openFile(await fs.open(path, constants.O_RDONLY | constants.O_NONBLOCK))),
    changes: watchDirectory,
  };
}

async function readBounded(handle: fs.FileHandle, path: string, limitBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(Math.min(64 * 1024, limitBytes + 1 - size));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) return Buffer.concat(chunks, size);
    chunks.push(chunk.subarray(0, bytesRead));
    size += bytesRead;
    if (size > limitBytes) throw new OrlopError("ResourceExhausted", `${path} is longer than ${limitBytes} bytes`);
  }
}

function openFile(handle: fs.FileHandle): OpenFile {
  return {
    information: async () => informationOf(await handle.stat()),
    read: async (offset, length) => {
      const buffer = Buffer.allocUnsafe(length);
      const { bytesRead } = await handle.read(buffer, 0, length, offset);
      return buffer.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}

async function* watchDirectory(directory: string, signal: AbortSignal): AsyncGenerator<void> {
  if (signal.aborted) return;
  let dirty = false;
  let broken: unknown;
  let wake = (): void => undefined;
  const notice = (): void => {
    dirty = true;
    wake();
  };
  let watcher: ReturnType<typeof watch>;
  try {
    watcher = watch(directory, notice);
  } catch (reason) {
    throw fileFailure(reason, `watch ${directory}`);
  }
  watcher.on("error", (reason) => {
    broken = reason;
    notice();
  });
  signal.addEventListener("abort", notice, { once: true });
  try {
    for (;;) {
      if (!dirty) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (dirty) resolve();
        });
      }
      dirty = false;
      if (signal.aborted) return;
      if (broken !== undefined) throw fileFailure(broken, `watch ${directory}`);
      yield;
    }
  } finally {
    signal.removeEventListener("abort", notice);
    watcher.close();
  }
}

function createWriter(): FileWriter {
  return {
    makeDirectory: (path, mode) =>
      attempt(`make directory ${path}`, async () => {
        await fs.mkdir(dirname(path), { recursive: true, mode: PARENT_MODE });
        try {
          await fs.mkdir(path);
        } catch (reason) {
          if (errnoOf(reason) === "EEXIST" && (await fs.stat(path)).isDirectory()) return false;
          throw reason;
        }
        // A separate chmod, because mkdir's mode is cut by the umask.
        await fs.chmod(path, mode);
        return true;
      }),
    writeFile: (path, data, mode) => attempt(`write ${path}`, () => replaceFile(path, data, { mode })),
    overwriteFile: (path, data) =>
      attempt(`write ${path}`, async () => {
        const handle = await fs.open(path, constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW);
        try {
          await handle.writeFile(data);
        } finally {
          await handle.close();
        }
      }),
    createFile: (path, data, mode) =>
      attempt(`create ${path}`, async () => {
        const handle = await fs.open(path, "wx", 0o600);
        try {
          await handle.writeFile(data);
          await handle.chmod(mode);
        } finally {
          await handle.close();
        }
      }),
    symlink: (target, path) => attempt(`link ${path}`, () => fs.symlink(target, path)),
    rename: (from, to) => attempt(`rename ${from} to ${to}`, () => fs.rename(from, to)),
    remove: (path) => attempt(`remove ${path}`, () => removeOne(path)),
    removeTree: (path) => attempt(`remove ${path}`, () => removeTree(path)),
    setAttributes: (path, attributes) =>
      attempt(`set owner or mode of ${path}`, async () => {
        const { mode, uid, gid } = attributes;
        if (uid !== undefined || gid !== undefined) await fs.lchown(path, uid ?? -1, gid ?? -1);
        // chown clears setuid and setgid, so the mode comes last. Links have no mode of their own.
        if (mode !== undefined && !(await fs.lstat(path)).isSymbolicLink()) await fs.chmod(path, mode);
      }),
  };
}

async function removeOne(path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (reason) {
    const code = errnoOf(reason);
    if (code === "ENOENT") return;
    if (code !== "EISDIR" && code !== "EPERM") throw reason;
    await fs.rmdir(path);
  }
}

async function removeTree(path: string): Promise<void> {
  let root: Stats;
  try {
    root = await fs.lstat(path);
  } catch (reason) {
    if (errnoOf(reason) === "ENOENT") return;
    throw reason;
  }
  if (root.isDirectory()) await removeContent(path, root.dev);
  await removeOne(path);
}

async function removeContent(directory: string, device: number): Promise<void> {
  for (const entry of await fs.readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if ((await fs.lstat(path)).dev !== device) {
        throw new OrlopError("Conflict", `refusing to delete ${path}: another filesystem is mounted there`);
      }
      await removeContent(path, device);
    }
    await removeOne(path);
  }
}
