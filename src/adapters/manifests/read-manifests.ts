import { open, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { messageOf } from "../../lib/orlop-error.ts";
import { documentsOf, type ManifestDocument, type ManifestProblem } from "./documents.ts";

export type ManifestItem =
  | { readonly type: "file"; readonly file: string }
  | ({ readonly type: "document" } & ManifestDocument)
  | ({ readonly type: "problem" } & ManifestProblem);

export interface ReadManifestsOptions {
  /** Files, folders (read with everything below), "-" for standard input. */
  readonly paths: readonly string[];
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  /** A longer file is named as a problem, unpacked as well. @default 400 MiB */
  readonly maximumBytes?: number;
}

const READABLE = /\.(ya?ml|json)(\.gz)?$/;
const inflate = promisify(gunzip);

/** Every object in files and folders, in order of file names. One bad file or document does not stop the others. */
export async function* readManifests(options: ReadManifestsOptions): AsyncGenerator<ManifestItem, void, undefined> {
  const maximumBytes = options.maximumBytes ?? 400 * 2 ** 20;
  for (const path of options.paths) {
    if (path === "-") {
      yield* contentItems("standard input", () => readStream(options.stdin, maximumBytes), maximumBytes);
      continue;
    }
    const skipped: string[] = [];
    for await (const file of filesBelow(path, skipped, new Set())) {
      options.signal.throwIfAborted();
      if (typeof file !== "string") {
        yield { type: "problem", ...file };
        continue;
      }
      yield* contentItems(file, () => readFileBounded(file, maximumBytes), maximumBytes);
    }
    if (skipped.length > 0) {
      const shown = skipped.slice(0, 3).join(", ");
      yield {
        type: "problem",
        severity: "warning",
        file: path,
        line: 0,
        message: `${skipped.length} files are neither YAML nor JSON by their names and were not read (${shown}${skipped.length > 3 ? ", …" : ""})`,
      };
    }
  }
}

async function* contentItems(
  file: string,
  read: () => Promise<Buffer>,
  maximumBytes: number,
): AsyncGenerator<ManifestItem, void, undefined> {
  yield { type: "file", file };
  let text: string;
  try {
    const bytes = await read();
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    text = (isGzip ? await inflate(bytes, { maxOutputLength: maximumBytes }) : bytes).toString("utf8");
  } catch (reason) {
    yield { type: "problem", severity: "error", file, line: 0, message: `can not be read: ${messageOf(reason)}` };
    return;
  }
  for (const item of documentsOf(text.replace(/^\uFEFF/, ""), file)) {
    yield "value" in item ? { type: "document", ...item } : { type: "problem", ...item };
  }
}

async function* filesBelow(
  path: string,
  skipped: string[],
  seen: Set<string>,
): AsyncGenerator<string | ManifestProblem, void, undefined> {
  const problem = (reason: unknown): ManifestProblem => ({
    severity: "error",
    file: path,
    line: 0,
    message: `can not be read: ${messageOf(reason)}`,
  });
  try {
    if (!(await stat(path)).isDirectory()) {
      yield path;
      return;
    }
    // Links can lead back up.
    const real = await realpath(path);
    if (seen.has(real)) return;
    seen.add(real);
  } catch (reason) {
    yield problem(reason);
    return;
  }
  let names: readonly string[];
  try {
    names = (await readdir(path)).filter((name) => name !== ".git").sort();
  } catch (reason) {
    yield problem(reason);
    return;
  }
  for (const name of names) {
    const below = join(path, name);
    const isDirectory = await stat(below).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (isDirectory || READABLE.test(name)) yield* filesBelow(below, skipped, seen);
    else skipped.push(below);
  }
}

async function readFileBounded(file: string, maximumBytes: number): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    if (size > maximumBytes) throw new Error(`it has ${size} bytes, more than ${maximumBytes}`);
    return await readStream(handle.createReadStream({ autoClose: false }), maximumBytes);
  } finally {
    await handle.close();
  }
}

async function readStream(stream: AsyncIterable<Uint8Array | string>, maximumBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stream) {
    const bytes =
      typeof piece === "string" ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    size += bytes.length;
    if (size > maximumBytes) throw new Error(`it is longer than ${maximumBytes} bytes`);
    pieces.push(bytes);
  }
  return Buffer.concat(pieces, size);
}
