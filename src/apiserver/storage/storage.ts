import type { KubernetesObject } from "../../api/types.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Mutation, Store, StoredEntry } from "../../ports/store.ts";
import { createCollection } from "./collection.ts";
import type { Collection, WritableCollection } from "./collection.ts";
import { encodeEntry, Entry } from "./entry.ts";
import type { Change, HistoryLimits } from "./history.ts";

/** What a writer decided after looking at the current version. */
export type WriteDecision =
  | { readonly type: "put"; readonly object: KubernetesObject }
  /** Removes the object; `object` is its last content, as watchers and the caller will see it. */
  | { readonly type: "delete"; readonly object: KubernetesObject }
  | { readonly type: "keep" };

export type WriteResult =
  | { readonly type: "put" | "delete"; readonly entry: Entry }
  /** Nothing was written; `entry` is the current version, absent when there is none. */
  | { readonly type: "keep"; readonly entry?: Entry };

/** Names a collection: plural and group. */
export interface CollectionName {
  readonly group: string;
  readonly resource: string;
}

/**
 * Versioned objects over a durable store. One revision counts all writes of all kinds.
 *
 * Guarantees: a write is visible (to reads, lists, watches and observers) only when it is durable; changes become
 * visible in revision order; writes to one key follow each other, each deciding on the newest version.
 */
export interface Storage {
  /** The newest visible revision. */
  revision(): number;
  collection(name: CollectionName): Collection;
  collections(): Iterable<Collection>;
  /** Decides on the current version and writes; `decide` runs again when another write came in between. */
  write(
    name: CollectionName,
    key: string,
    decide: (current: Entry | undefined) => WriteDecision | Promise<WriteDecision>,
  ): Promise<WriteResult>;
  /** Resolves once `revision` is visible, or when the signal aborts. */
  reached(revision: number, signal: AbortSignal): Promise<void>;
  /** Reads everything from the store. Call once, before anything else. */
  load(): void;
  /** Forgets history that is too old. */
  expire(): void;
  /** Ends all watches; writes that already began still complete. */
  close(): void;
}

const DEFAULT_LIMITS: HistoryLimits = { maxChanges: 10_000, maxBytes: 32 * 2 ** 20, maxAgeMs: 10 * 60_000 };

export function createStorage(
  deps: { readonly store: Store; readonly clock: Clock },
  options: { readonly history?: Partial<HistoryLimits> } = {},
): Storage {
  const { store, clock } = deps;
  const limits = { ...DEFAULT_LIMITS, ...options.history };
  const collections = new Map<string, WritableCollection>();
  /** Writes on their way to the disk, by storage key. */
  const pending = new Map<string, Promise<unknown>>();
  const waiters = new Set<{ readonly revision: number; readonly resolve: () => void }>();
  let loadedRevision = 0;
  let assigned = 0;
  let visible = 0;
  /** Makes changes visible one after the other. */
  let tail: Promise<void> = Promise.resolve();
  let closed = false;

  const collection = (name: CollectionName): WritableCollection => {
    const prefix = prefixOf(name);
    const known = collections.get(prefix);
    if (known !== undefined) return known;
    const created = createCollection(
      name.group === "" ? name.resource : `${name.resource}.${name.group}`,
      loadedRevision,
      limits,
    );
    if (closed) created.history.close();
    collections.set(prefix, created);
    return created;
  };

  const publish = (target: WritableCollection, change: Change): void => {
    visible = change.revision;
    target.apply(change);
    for (const waiter of waiters) if (waiter.revision <= visible) waiter.resolve();
  };

  /** Gives the change its revision and brings it to the disk, then to everybody. Nothing may await before the commit. */
  const commit = (
    target: WritableCollection,
    storageKey: string,
    key: string,
    decision: Exclude<WriteDecision, { type: "keep" }>,
    old: Entry | undefined,
  ): Promise<Entry> => {
    const revision = ++assigned;
    const now = clock.now();
    const entry = encodeEntry(key, revision, decision.object, now);
    const mutation: Mutation =
      decision.type === "put"
        ? { type: "put", key: storageKey, value: entry.bytes, revision }
        : { type: "delete", key: storageKey, revision };
    const change: Change = {
      type: decision.type === "delete" ? "deleted" : old === undefined ? "added" : "modified",
      revision,
      at: now,
      entry,
      ...(old !== undefined && { old }),
      frames: new Map(),
    };
    const durable = store.commit([mutation]);
    durable.catch(() => undefined);
    const done = tail.then(async () => {
      await durable;
      publish(target, change);
      return entry;
    });
    tail = done.then(
      () => undefined,
      () => undefined,
    );
    const settled = done.finally(() => {
      if (pending.get(storageKey) === settled) pending.delete(storageKey);
    });
    pending.set(storageKey, settled);
    return settled;
  };

  return {
    revision: () => visible,
    collection,
    collections: () => collections.values(),
    async write(name, key, decide) {
      const target = collection(name);
      const storageKey = `${prefixOf(name)}${key}`;
      for (;;) {
        for (let before = pending.get(storageKey); before !== undefined; before = pending.get(storageKey)) {
          await before.catch(() => undefined);
        }
        const current = target.get(key);
        const promised = decide(current);
        const decision = promised instanceof Promise ? await promised : promised;
        if (decision.type === "keep") return { type: "keep", ...(current !== undefined && { entry: current }) };
        if (pending.has(storageKey) || target.get(key) !== current) continue;
        return { type: decision.type, entry: await commit(target, storageKey, key, decision, current) };
      }
    },
    reached(revision, signal) {
      if (visible >= revision || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const waiter = {
          revision,
          resolve: () => {
            waiters.delete(waiter);
            signal.removeEventListener("abort", waiter.resolve);
            resolve();
          },
        };
        waiters.add(waiter);
        signal.addEventListener("abort", waiter.resolve, { once: true });
      });
    },
    load() {
      loadedRevision = store.revision();
      for (const { history } of collections.values()) history.startAt(loadedRevision);
      assigned = loadedRevision;
      visible = loadedRevision;
      const now = clock.now();
      for (const stored of store.load()) {
        const { name, key } = parseStorageKey(stored);
        collection(name).restore(new Entry(key, stored.revision, stored.value, now));
      }
      for (const loaded of collections.values()) loaded.announceRestored();
    },
    expire() {
      const now = clock.now();
      for (const { history } of collections.values()) history.expire(now);
    },
    close() {
      closed = true;
      for (const { history } of collections.values()) history.close();
    },
  };
}

function prefixOf({ group, resource }: CollectionName): string {
  return `/${group === "" ? "core" : group}/${resource}/`;
}

function parseStorageKey({ key }: StoredEntry): { readonly name: CollectionName; readonly key: string } {
  const match = /^\/([^/]+)\/([^/]+)\/(.+)$/s.exec(key);
  const [, group = "", resource = "", rest = ""] = match ?? [];
  if (match === null)
    throw new RangeError(`the store holds the key ${JSON.stringify(key)}, which is not /group/resource/name`);
  return { name: { group: group === "core" ? "" : group, resource }, key: rest };
}
