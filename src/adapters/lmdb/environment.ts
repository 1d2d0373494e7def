import { open as openDatabase, type RootDatabase } from "lmdb";
import { chmod, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { syncDirectory } from "../files/replace-file.ts";

export type Database = RootDatabase<Buffer, Buffer>;

/** What the file says about itself; bumped when an older version could no longer read it. */
const FORMAT = 1;

// Records of our own start with NUL, which no key of the store may hold.
const FORMAT_KEY = Buffer.from("\0format");
const REVISION_KEY = Buffer.from("\0revision");
/** First key that is not a record of our own. */
export const FIRST_KEY = Buffer.from([1]);

export const PAGE_BYTES = 4_096;

/** Address space only: the file grows as needed, and the map grows beyond this by itself. */
const MAP_BYTES = 8 * 2 ** 30;

/** Opens (or creates) the database file in `directory`; the caller holds the lock. */
export async function openEnvironment(directory: string): Promise<Database> {
  const path = join(directory, "store.mdb");
  // The lock is ours, so whatever a killed process left in LMDB's own lock file is stale.
  await rm(`${path}-lock`, { force: true });
  await checkHeader(path);
  let database: Database;
  try {
    database = openDatabase<Buffer, Buffer>({
      path,
      noSubdir: true,
      encoding: "binary",
      keyEncoding: "binary",
      useVersions: true,
      // A resolved commit must be on the disk, not on its way there.
      overlappingSync: false,
      mapSize: MAP_BYTES,
      maxReaders: 8,
      pageSize: PAGE_BYTES,
      cache: false,
      // We batch ourselves; its own batches come with a promise nobody could catch.
      eventTurnBatching: false,
    });
  } catch (cause) {
    throw new OrlopError("Invalid", `Opening the database ${path} failed: ${messageOf(cause)}`, { cause });
  }
  await chmod(path, 0o600);
  await chmod(`${path}-lock`, 0o600);
  try {
    await checkFormat(database, directory);
  } catch (reason) {
    await database.close();
    throw reason;
  }
  return database;
}

/** "Magic" of LMDB and its data version, where both header pages of a file have them. */
const MAGIC = Buffer.from([0xde, 0xc0, 0xef, 0xbe, 2, 0]);
const MAGIC_OFFSET = 24;
/** The binding ends the process when the file is no database, so look first. A missing or empty file is a new one. */
async function checkHeader(path: string): Promise<void> {
  const file = await open(path, "a+", 0o600);
  try {
    const { size } = await file.stat();
    if (size === 0) return;
    for (const page of [0, 1]) {
      const { buffer } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, page * PAGE_BYTES + MAGIC_OFFSET);
      if (!buffer.equals(MAGIC)) {
        throw new OrlopError("Invalid", `${path} is damaged or no database: restore it from a backup, or move it away`);
      }
    }
  } finally {
    await file.close();
  }
}

/** Makes the directory, for its owner only, and makes sure that it is still there after a power loss. */
export async function prepareDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
  } catch (cause) {
    throw new OrlopError("Invalid", `The data directory ${directory} can not be used: ${messageOf(cause)}`, { cause });
  }
}

export function readRevision(database: Database): number {
  const stored = database.get(REVISION_KEY);
  return stored === undefined ? 0 : Number(stored.readBigUInt64BE());
}

/** To be called inside a transaction. */
export function writeRevision(database: Database, revision: number): Promise<boolean> {
  const value = Buffer.alloc(8);
  value.writeBigUInt64BE(BigInt(revision));
  return database.put(REVISION_KEY, value, 0);
}

async function checkFormat(database: Database, directory: string): Promise<void> {
  const stored = database.get(FORMAT_KEY);
  if (stored === undefined) {
    if (database.getCount({ limit: 1 }) > 0) {
      throw new OrlopError("Invalid", `The database in ${directory} is not one of Orlop: use another data directory`);
    }
    await database.put(FORMAT_KEY, Buffer.from(String(FORMAT)), 0);
    await syncDirectory(directory);
    return;
  }
  const format = Number(stored.toString());
  if (format !== FORMAT) {
    throw new OrlopError(
      "Unsupported",
      `The data in ${directory} has format ${stored.toString()}, written by a newer version of Orlop, and this version reads format ${FORMAT}: run the newer version, or use another data directory`,
    );
  }
}
