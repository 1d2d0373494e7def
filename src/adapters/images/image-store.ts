import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { OrlopError } from "../../lib/orlop-error.ts";
import { replaceFile } from "../files/replace-file.ts";
import { type TarEntry, writeTar } from "./tar.ts";

/** What a container of an image runs when nothing else is asked for (the OCI image configuration, by its JSON names). */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, Readonly<Record<string, never>>>>;
  readonly StopSignal?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface NewImage {
  /** Full references such as docker.io/library/busybox:latest. An older image gives up a name taken here. */
  readonly names: readonly string[];
  readonly config: ImageConfig;
  readonly layer: AsyncIterable<TarEntry>;
  readonly signal?: AbortSignal;
}

/**
 * A folder of images that can be imported into a runtime or served as a registry. It is an OCI image layout: blobs by
 * digest, names in index.json. Adding is atomic: readers see the image whole or not at all. One writer at a time.
 */
export interface ImageStore {
  add(image: NewImage): Promise<Descriptor>;
  /** Every reference with its manifest. */
  list(): Promise<ReadonlyMap<string, Descriptor>>;
  /** The file of a blob, or undefined when there is none. */
  blob(digest: string): Promise<{ readonly file: string; readonly size: number } | undefined>;
  /** The named images as one archive that `ctr images import` reads. @throws OrlopError NotFound */
  archive(names: readonly string[]): AsyncIterable<Uint8Array>;
}

const TYPES = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  index: "application/vnd.oci.image.index.v1+json",
} as const;
const NAME = "io.containerd.image.name";
const DIGEST = /^sha256:[0-9a-f]{64}$/;

interface IndexEntry extends Descriptor {
  readonly annotations?: Readonly<Record<string, string>>;
}

export function createImageStore(options: { readonly folder: string; readonly architecture: string }): ImageStore {
  const { folder, architecture } = options;
  const blobs = join(folder, "blobs", "sha256");
  const indexFile = join(folder, "index.json");
  const fileOf = (digest: string): string => join(blobs, digest.slice("sha256:".length));

  async function readIndex(): Promise<readonly IndexEntry[]> {
    try {
      const text = await readFile(indexFile, "utf8");
      return (JSON.parse(text) as { manifests: IndexEntry[] }).manifests;
    } catch (cause) {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
      throw new OrlopError(
        "Internal",
        `cannot read the image index ${indexFile}: delete it and build the images again`,
        {
          cause,
        },
      );
    }
  }

  async function writeJson(mediaType: string, value: unknown): Promise<Descriptor> {
    const body = JSON.stringify(value);
    const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
    await replaceFile(fileOf(digest), body, { mode: 0o644 });
    return { mediaType, digest, size: Buffer.byteLength(body) };
  }

  async function writeLayer(image: NewImage, work: string): Promise<{ layer: Descriptor; diffId: string }> {
    const plain = createHash("sha256");
    const packed = createHash("sha256");
    let size = 0;
    const file = join(work, "layer");
    const abort = image.signal === undefined ? {} : { signal: image.signal };
    await pipeline(
      Readable.from(writeTar(image.layer)),
      tap((chunk) => plain.update(chunk)),
      createGzip({ level: 1 }),
      tap((chunk) => {
        packed.update(chunk);
        size += chunk.length;
      }),
      createWriteStream(file),
      abort,
    );
    const digest = `sha256:${packed.digest("hex")}`;
    await rename(file, fileOf(digest));
    return { layer: { mediaType: TYPES.layer, digest, size }, diffId: `sha256:${plain.digest("hex")}` };
  }

  async function names(): Promise<Map<string, Descriptor>> {
    const found = new Map<string, Descriptor>();
    for (const { annotations, mediaType, digest, size } of await readIndex()) {
      const name = annotations?.[NAME];
      if (name !== undefined) found.set(name, { mediaType, digest, size });
    }
    return found;
  }

  const store: ImageStore = {
    add: async (image) => {
      await mkdir(blobs, { recursive: true });
      const work = await mkdtemp(join(folder, ".new-"));
      try {
        const { layer, diffId } = await writeLayer(image, work);
        const config = await writeJson(TYPES.config, {
          architecture: architecture,
          os: "linux",
          config: image.config,
          rootfs: { type: "layers", diff_ids: [diffId] },
          history: [{ created_by: "orlop" }],
        });
        const manifest = await writeJson(TYPES.manifest, {
          schemaVersion: 2,
          mediaType: TYPES.manifest,
          config,
          layers: [layer],
        });
        const known = await names();
        for (const name of image.names) known.set(name, manifest);
        await replaceFile(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }), { mode: 0o644 });
        await replaceFile(indexFile, indexOf(known), { mode: 0o644 });
        return manifest;
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    },
    list: names,
    blob: async (digest) => {
      if (!DIGEST.test(digest)) return undefined;
      const file = fileOf(digest);
      const about = await stat(file).catch(() => undefined);
      return about === undefined ? undefined : { file, size: about.size };
    },
    archive: (wanted) => writeTar(archiveEntries(store, wanted)),
  };
  return store;
}

async function* archiveEntries(store: ImageStore, wanted: readonly string[]): AsyncGenerator<TarEntry> {
  const known = await store.list();
  const chosen = new Map<string, Descriptor>();
  for (const name of wanted) {
    const manifest = known.get(name);
    if (manifest === undefined) throw new OrlopError("NotFound", `the image store holds no image ${name}`);
    chosen.set(name, manifest);
  }
  yield text("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const done = new Set<string>();
  for (const manifest of chosen.values()) {
    const whole = await blobOf(store, manifest.digest);
    const parts = JSON.parse(await readFile(whole.file, "utf8")) as { config: Descriptor; layers: Descriptor[] };
    for (const digest of [parts.config, ...parts.layers, manifest].map((part) => part.digest)) {
      if (done.has(digest)) continue;
      done.add(digest);
      const { file, size } = await blobOf(store, digest);
      const path = `blobs/sha256/${digest.slice("sha256:".length)}`;
      yield { type: "file", path, mode: 0o644, size, content: createReadStream(file) };
    }
  }
  yield text("index.json", indexOf(chosen));
}

async function blobOf(store: ImageStore, digest: string): Promise<{ readonly file: string; readonly size: number }> {
  const blob = await store.blob(digest);
  if (blob === undefined)
    throw new OrlopError("NotFound", `the image store lost the blob ${digest}: build its image again`);
  return blob;
}

function indexOf(images: ReadonlyMap<string, Descriptor>): string {
  const manifests = [...images].map(([name, manifest]) => ({
    ...manifest,
    annotations: { [NAME]: name, "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1) },
  }));
  return JSON.stringify({ schemaVersion: 2, mediaType: TYPES.index, manifests });
}

function text(path: string, body: string): TarEntry {
  const bytes = Buffer.from(body);
  return { type: "file", path, mode: 0o644, size: bytes.length, content: Readable.from([bytes]) };
}

function tap(see: (chunk: Buffer) => void): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      see(chunk);
      done(null, chunk);
    },
  });
}
