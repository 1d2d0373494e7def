import { Buffer } from "node:buffer";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

interface EntryHead {
  /** Relative, without leading or trailing slash. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

export type TarEntry =
  | (EntryHead & { readonly type: "folder" })
  | (EntryHead & { readonly type: "link"; readonly target: string })
  | (EntryHead & { readonly type: "file"; readonly size: number; readonly content: AsyncIterable<Uint8Array> });

const BLOCK = 512;
const TYPE_FLAG = { file: "0", link: "2", folder: "5", pax: "x" } as const;

/** A POSIX tar stream. Times are 0 and owners default to root, so the same entries give the same bytes. */
export async function* writeTar(
  entries: AsyncIterable<TarEntry> | Iterable<TarEntry>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const entry of entries) {
    const name = entry.type === "folder" ? `${entry.path}/` : entry.path;
    const target = entry.type === "link" ? entry.target : "";
    const extended = [
      ...(Buffer.byteLength(name) > 100 ? [paxRecord("path", name)] : []),
      ...(Buffer.byteLength(target) > 100 ? [paxRecord("linkpath", target)] : []),
    ].join("");
    if (extended !== "") {
      const body = Buffer.from(extended);
      yield header({ name: "pax", target: "", flag: TYPE_FLAG.pax, size: body.length, mode: 0o644, uid: 0, gid: 0 });
      yield padded(body);
    }
    const size = entry.type === "file" ? entry.size : 0;
    const flag = TYPE_FLAG[entry.type];
    yield header({ name, target, flag, size, mode: entry.mode, uid: entry.uid ?? 0, gid: entry.gid ?? 0 });
    if (entry.type !== "file") continue;
    let written = 0;
    for await (const chunk of entry.content) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== size) throw new RangeError(`${entry.path} has ${written} bytes, ${size} were announced`);
    if (written % BLOCK !== 0) yield Buffer.alloc(BLOCK - (written % BLOCK));
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** Everything below a folder, in a stable order. Sockets, pipes and devices are left out. */
export async function* folderEntries(
  root: string,
  owners: Readonly<Record<string, number>> = {},
  prefix = "",
): AsyncGenerator<TarEntry, void, undefined> {
  const names = await readdir(join(root, prefix));
  for (const name of names.toSorted()) {
    const path = prefix === "" ? name : `${prefix}/${name}`;
    const file = join(root, path);
    const about = await lstat(file);
    const owner = owners[path] ?? 0;
    const head = { path, mode: about.mode & 0o7777, uid: owner, gid: owner };
    if (about.isDirectory()) {
      yield { ...head, type: "folder" };
      yield* folderEntries(root, owners, path);
    } else if (about.isSymbolicLink()) {
      yield { ...head, type: "link", target: await readlink(file) };
    } else if (about.isFile()) {
      yield { ...head, type: "file", size: about.size, content: createReadStream(file) };
    }
  }
}

function header(of: {
  name: string;
  target: string;
  flag: string;
  size: number;
  mode: number;
  uid: number;
  gid: number;
}): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(of.name, 0, 100);
  block.write(octal(of.mode, 7), 100);
  block.write(octal(of.uid, 7), 108);
  block.write(octal(of.gid, 7), 116);
  block.write(octal(of.size, 11), 124);
  block.write(octal(0, 11), 136);
  block.write(" ".repeat(8), 148);
  block.write(of.flag, 156);
  block.write(of.target, 157, 100);
  block.write("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\u0000 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function padded(body: Buffer): Buffer {
  const rest = body.length % BLOCK;
  return rest === 0 ? body : Buffer.concat([body, Buffer.alloc(BLOCK - rest)]);
}

/** "length key=value\n", where length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + String(bytes).length;
  if (bytes + String(length).length !== length) length = bytes + String(length).length;
  return `${length}${rest}`;
}
