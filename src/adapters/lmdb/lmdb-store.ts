import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Mutation, Store, StoredEntry } from "../../ports/store.ts";
import { syncDirectory } from "../files/replace-file.ts";
import {
  FIRST_KEY,
  openEnvironment,
  PAGE_BYTES,
  prepareDirectory,
  readRevision,
  writeRevision,
  type Database,
} from "./environment.ts";
import { lockFile } from "./file-lock.ts";

export interface LmdbStoreOptions {
  /** Made when missing; nothing else should live in it. */
  readonly directory: string;
  /** With less free space, commits that write are refused; those that only delete go on. @default 16 MiB */
  readonly minimumFreeBytes?: number;
}

interface Waiting {
  readonly mutations: readonly Mutation[];
  readonly resolve: () => void;
  readonly reject: (reason: OrlopError) => void;
}

/** How long a look at the free space is believed, if little is written meanwhile. */
const FREE_SPACE_CHECK_MS = 1_000;

/**
 * The durable store on LMDB. One group commit is under way at a time; what arrives meanwhile makes up the next.
 *
 * When a commit fails, nothing of it is applied, and all commits handed over before the failure was reported fail with
 * it, so that none is built on a state that never was.
 *
 * @throws OrlopError Conflict when it is open already, Unsupported for data of a newer version, ResourceExhausted when
 * the disk is full, Invalid when the directory or file can not be used
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<Store> {
  const { directory, minimumFreeBytes = 16 * 2 ** 20 } = options;
  await prepareDirectory(directory);
  const freeSpace = createFreeSpaceCheck(directory, minimumFreeBytes);
  const full = await freeSpace({ bytes: minimumFreeBytes });
  if (full !== undefined) throw full;
  const lock = await lockFile(join(directory, "lock"));
  let database: Database;
  try {
    database = await openEnvironment(directory);
    await syncDirectory(directory);
  } catch (reason) {
    await lock.release();
    throw reason;
  }

  let revision = readRevision(database);
  let queue: Waiting[] = [];
  let flushing: Promise<void> | undefined;
  let closed = false;
  /** Set when it is not known what is on the disk; only a restart helps then. */
  let broken: OrlopError | undefined;

  const flush = async (): Promise<void> => {
    while (queue.length > 0) {
      const failure = broken ?? (await refusal(queue, freeSpace)) ?? (await writeGroup());
      if (failure !== undefined) {
        for (const { reject } of queue) reject(failure);
        queue = [];
      }
    }
    flushing = undefined;
  };

  const writeGroup = async (): Promise<OrlopError | undefined> => {
    const group = queue;
    const next = group.reduce((highest, { mutations }) => Math.max(highest, highestRevision(mutations)), revision);
    try {
      await writeBatch(database, group, next);
    } catch (cause) {
      return afterFailure(cause);
    }
    revision = next;
    queue = queue.slice(group.length);
    for (const { resolve } of group) resolve();
    return undefined;
  };

  const afterFailure = async (cause: unknown): Promise<OrlopError> => {
    const failure =
      (await freeSpace({ bytes: minimumFreeBytes })) ??
      new OrlopError("Unavailable", `Writing to the database in ${directory} failed: ${messageOf(cause)}`, { cause });
    try {
      // An environment that failed once may refuse for ever; a fresh one also tells what is really on the disk.
      await database.close();
      database = await openEnvironment(directory);
      if (readRevision(database) !== revision) {
        broken = new OrlopError(
          "Internal",
          `The database in ${directory} holds a change that was reported as failed: restart to continue`,
          { cause: failure },
        );
      }
    } catch (reason) {
      broken = new OrlopError(
        "Internal",
        `The database in ${directory} can not be used any more: restart to continue`,
        {
          cause: reason,
        },
      );
    }
    return failure;
  };

  const mustBeOpen = (): void => {
    if (closed) throw new OrlopError("Unavailable", `The store in ${directory} is closed`, { retry: "never" });
  };

  return {
    revision() {
      mustBeOpen();
      return revision;
    },
    load() {
      mustBeOpen();
      return entries(database);
    },
    commit(mutations) {
      return new Promise((resolve, reject) => {
        mustBeOpen();
        if (mutations.length === 0) {
          resolve();
          return;
        }
        for (const { key } of mutations) checkKey(key);
        queue = [...queue, { mutations, resolve, reject }];
        flushing ??= Promise.resolve().then(flush);
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      await flushing;
      await database.close();
      await lock.release();
    },
  };
}

function* entries(database: Database): Generator<StoredEntry, void, undefined> {
  for (const { key, value, version } of database.getRange({ start: FIRST_KEY, versions: true })) {
    yield { key: key.toString("utf8"), value, revision: version ?? 0 };
  }
}

async function writeBatch(database: Database, group: readonly Waiting[], revision: number): Promise<void> {
  const promises: Promise<boolean>[] = [];
  const batch = database.batch(() => {
    for (const { mutations } of group) {
      for (const mutation of mutations) {
        const key = Buffer.from(mutation.key, "utf8");
        promises.push(
          mutation.type === "put"
            ? database.put(key, asBuffer(mutation.value), mutation.revision)
            : database.remove(key),
        );
      }
    }
    promises.push(writeRevision(database, revision));
  });
  const [outcome] = await Promise.allSettled([batch, ...promises]);
  if (outcome.status === "fulfilled") return;
  const { reason } = outcome;
  // LMDB's binding gives the reason as one more promise.
  throw await Promise.resolve(reason instanceof Error && "commitError" in reason ? reason.commitError : reason).then(
    (value) => value ?? reason,
    (cause: unknown) => cause,
  );
}

async function refusal(queue: readonly Waiting[], freeSpace: FreeSpaceCheck): Promise<OrlopError | undefined> {
  const puts = queue.flatMap(({ mutations }) => mutations.filter((mutation) => mutation.type === "put"));
  if (puts.length === 0) return undefined;
  // A small write copies the pages of its tree too.
  return freeSpace({ bytes: puts.reduce((sum, { value }) => sum + value.length + 4 * PAGE_BYTES, 0) });
}

/** Whether so many bytes may be written; the reason when not. */
type FreeSpaceCheck = (wanted: { readonly bytes: number }) => Promise<OrlopError | undefined>;

function createFreeSpaceCheck(directory: string, minimum: number): FreeSpaceCheck {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let allowed = 0;
  return async ({ bytes }) => {
    allowed -= bytes;
    if (allowed >= 0 && performance.now() - lookedAt < FREE_SPACE_CHECK_MS) return undefined;
    const { bavail, bsize } = await statfs(directory);
    const free = bavail * bsize;
    lookedAt = performance.now();
    // Half of the reserve may go before the next look; while it is full each look is fresh.
    allowed = free < minimum ? 0 : minimum / 2 - bytes;
    if (free >= minimum) return undefined;
    return new OrlopError(
      "ResourceExhausted",
      `No space for the database in ${directory}: ${mebibytes(free)} MiB are free and ${mebibytes(minimum)} MiB needed, so make room on that disk`,
    );
  };
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 2 ** 20);
}

function highestRevision(mutations: readonly Mutation[]): number {
  return mutations.reduce((highest, { revision }) => Math.max(highest, revision), 0);
}

const LONGEST_KEY_BYTES = 1_900;

function checkKey(key: string): void {
  if (key === "" || key.includes("\0") || Buffer.byteLength(key) > LONGEST_KEY_BYTES) {
    throw new RangeError(`A key has 1 to ${LONGEST_KEY_BYTES} bytes without NUL, not "${key.slice(0, 100)}"`);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
