import { createHash } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, rename, rm, statfs, truncate } from "node:fs/promises";
import { join } from "node:path";
import { OrlopError } from "../../lib/orlop-error.ts";
import { replaceFile, syncDirectory } from "../files/replace-file.ts";

export const FILESYSTEMS = ["ext4", "xfs"] as const;
export type Filesystem = (typeof FILESYSTEMS)[number];

/** One volume as it is written down beside its image. */
export interface VolumeRecord {
  readonly volumeId: string;
  /** What the caller named it; asking again by this name gives this volume. */
  readonly name: string;
  readonly capacityBytes: number;
  readonly filesystem: Filesystem;
  /** Lives as long as its pod's mount. */
  readonly ephemeral: boolean;
}

/**
 * Volumes as sparse files, each in a folder of its own with its record. A volume is there whole or not at all, whenever
 * the process or the machine stops. Folders are 0700 and files 0600: only root sees what is in a volume that is not mounted.
 */
export interface VolumeDirectory {
  /** Makes the directory and removes what an interrupted run left half made or half deleted. */
  prepare(): Promise<void>;
  list(): Promise<readonly VolumeRecord[]>;
  get(volumeId: string): Promise<VolumeRecord | undefined>;
  create(record: VolumeRecord): Promise<void>;
  /** Makes the image larger; the file system in it stays as it is. */
  grow(record: VolumeRecord, capacityBytes: number): Promise<VolumeRecord>;
  delete(volumeId: string): Promise<void>;
  /** Bytes an image may still take on the disk below. */
  availableBytes(): Promise<number>;
}

const RECORD = "volume.json";
const IMAGE = "image";
const SAFE_ID = /^[a-zA-Z0-9][a-zA-Z0-9-]{0,126}$/;

/** The image of a volume. @throws RangeError for what can not be the ID of a volume, such as a path */
export function imagePath(directory: string, volumeId: string): string {
  if (!isVolumeId(volumeId)) throw new RangeError(`${JSON.stringify(volumeId)} is no ID of a volume`);
  return join(directory, volumeId, IMAGE);
}

export function isVolumeId(text: string): boolean {
  return SAFE_ID.test(text);
}

/** Readable where the name allows it; the same name always gives the same ID. */
export function volumeIdOf(name: string): string {
  return isVolumeId(name) ? name : `volume-${createHash("sha256").update(name).digest("hex").slice(0, 40)}`;
}

export function createVolumeDirectory(directory: string): VolumeDirectory {
  const folderOf = (volumeId: string): string => join(directory, volumeId);

  async function get(volumeId: string): Promise<VolumeRecord | undefined> {
    if (!isVolumeId(volumeId)) return undefined;
    let text: string;
    try {
      text = await readFile(join(folderOf(volumeId), RECORD), "utf8");
    } catch (cause) {
      if (hasCode(cause, "ENOENT")) return undefined;
      throw new OrlopError("Unavailable", `cannot read the record of volume ${volumeId}`, { cause });
    }
    return parseRecord(volumeId, text);
  }

  return {
    async prepare() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await chmod(directory, 0o700);
      for (const name of await readdir(directory)) {
        if (name.startsWith(".")) await rm(join(directory, name), { recursive: true, force: true });
      }
    },
    async list() {
      const names = (await readdir(directory)).filter(isVolumeId).toSorted();
      const found: VolumeRecord[] = [];
      for (const name of names) {
        const record = await get(name);
        if (record !== undefined) found.push(record);
      }
      return found;
    },
    get,
    async create(record) {
      const fresh = join(directory, `.new-${record.volumeId}`);
      await rm(fresh, { recursive: true, force: true });
      await mkdir(fresh, { mode: 0o700 });
      const image = await open(join(fresh, IMAGE), "wx", 0o600);
      try {
        await image.truncate(record.capacityBytes);
      } finally {
        await image.close();
      }
      await replaceFile(join(fresh, RECORD), JSON.stringify(record), { mode: 0o600, durable: true });
      await rename(fresh, folderOf(record.volumeId));
      await syncDirectory(directory);
    },
    async grow(record, capacityBytes) {
      const grown = { ...record, capacityBytes };
      // The image first: a record must never promise more than there is.
      await truncate(imagePath(directory, record.volumeId), capacityBytes);
      await replaceFile(join(folderOf(record.volumeId), RECORD), JSON.stringify(grown), { mode: 0o600, durable: true });
      return grown;
    },
    async delete(volumeId) {
      const trash = join(directory, `.deleted-${volumeId}`);
      await rm(trash, { recursive: true, force: true });
      await rename(folderOf(volumeId), trash);
      await rm(trash, { recursive: true, force: true });
    },
    async availableBytes() {
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    },
  };
}

function parseRecord(volumeId: string, text: string): VolumeRecord {
  const bad = (cause?: unknown): OrlopError =>
    new OrlopError("Internal", `the record of volume ${volumeId} is damaged; its image was left alone`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw bad(cause);
  }
  if (typeof value !== "object" || value === null) throw bad();
  const { name, capacityBytes, filesystem, ephemeral } = value as Readonly<Record<string, unknown>>;
  const known = FILESYSTEMS.find((one) => one === filesystem);
  if (typeof name !== "string" || typeof capacityBytes !== "number" || known === undefined) throw bad();
  return { volumeId, name, capacityBytes, filesystem: known, ephemeral: ephemeral === true };
}

function hasCode(reason: unknown, code: string): boolean {
  return reason instanceof Error && "code" in reason && reason.code === code;
}
