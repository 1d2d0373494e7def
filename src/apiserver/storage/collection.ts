import type { Entry } from "./entry.ts";
import { createHistory } from "./history.ts";
import type { Change, History, HistoryLimits } from "./history.ts";

export interface ListSelection {
  /** "" for all, else "namespace/". */
  readonly prefix: string;
  /** Only keys after this one. @default from the start */
  readonly after?: string;
  /** At most this many. @default all */
  readonly limit?: number;
  readonly matches?: (entry: Entry) => boolean;
}

export interface ListedEntries {
  readonly entries: readonly Entry[];
  /** Key of the last entry when there may be more. */
  readonly last?: string;
  /** How many follow; known only when nothing is filtered. */
  readonly remaining?: number;
}

/** All objects of one kind: what is visible now, and what changed lately. Written by the storage only. */
export interface Collection {
  readonly name: string;
  readonly history: History;
  readonly size: number;
  /** Bytes of all live entries. */
  readonly bytes: number;
  get(key: string): Entry | undefined;
  entries(): Iterable<Entry>;
  /** Entries in key order as they were at `revision`; undefined when that is too long ago to know. */
  list(selection: ListSelection, revision?: number): ListedEntries | undefined;
  /** Every listener is told after each change, in revision order. Returns how to stop. */
  observe(listener: (change: Change) => void): () => void;
}

/** The side of a collection only its single writer holds. */
export interface WritableCollection extends Collection {
  /** Puts an entry as read from disk, without a change. */
  restore(entry: Entry): void;
  /** Tells observers that are there already about everything that was restored, as added. */
  announceRestored(): void;
  apply(change: Change): void;
}

export function createCollection(name: string, startRevision: number, limits: HistoryLimits): WritableCollection {
  const live = new Map<string, Entry>();
  const history = createHistory(startRevision, limits);
  const listeners = new Set<(change: Change) => void>();
  /** Keys in order; undefined until somebody lists. */
  let ordered: string[] | undefined;
  let bytes = 0;

  const keys = (): string[] => (ordered ??= [...live.keys()].sort());
  const set = (entry: Entry): void => {
    const previous = live.get(entry.key);
    bytes += entry.bytes.length - (previous?.bytes.length ?? 0);
    live.set(entry.key, entry);
    if (previous === undefined && ordered !== undefined) ordered.splice(lowerBound(ordered, entry.key), 0, entry.key);
  };
  const remove = (key: string): void => {
    const previous = live.get(key);
    if (previous === undefined) return;
    bytes -= previous.bytes.length;
    live.delete(key);
    if (ordered !== undefined) ordered.splice(lowerBound(ordered, key), 1);
  };

  return {
    name,
    history,
    get size() {
      return live.size;
    },
    get bytes() {
      return bytes;
    },
    get: (key) => live.get(key),
    entries: () => live.values(),
    list(selection, revision) {
      const past = revision === undefined ? new Map<string, Entry | undefined>() : history.undoneTo(revision);
      if (past === undefined) return undefined;
      const at = (key: string): Entry | undefined => (past.has(key) ? past.get(key) : live.get(key));
      return select(withVanished(keys(), past, live), at, selection);
    },
    observe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    restore: set,
    announceRestored() {
      for (const entry of live.values()) {
        const change: Change = {
          type: "added",
          revision: entry.revision,
          at: entry.writtenAt,
          entry,
          frames: new Map(),
        };
        for (const listener of listeners) listener(change);
      }
    },
    apply(change) {
      if (change.type === "deleted") remove(change.entry.key);
      else set(change.entry);
      history.append(change);
      for (const listener of listeners) listener(change);
    },
  };
}

/** Keys that existed in the past only, in their places among those that exist now. */
function withVanished(
  now: readonly string[],
  past: ReadonlyMap<string, Entry | undefined>,
  live: ReadonlyMap<string, Entry>,
): readonly string[] {
  const vanished = [...past].filter(([key, entry]) => entry !== undefined && !live.has(key)).map(([key]) => key);
  return vanished.length === 0 ? now : [...now, ...vanished].sort();
}

function select(
  keys: readonly string[],
  at: (key: string) => Entry | undefined,
  { prefix, after, limit, matches }: ListSelection,
): ListedEntries {
  const entries: Entry[] = [];
  const from = after === undefined || after < prefix ? lowerBound(keys, prefix) : upperBound(keys, after);
  for (let index = from; index < keys.length; index++) {
    const key = keys[index];
    if (key === undefined || !key.startsWith(prefix)) break;
    const entry = at(key);
    if (entry === undefined || (matches !== undefined && !matches(entry))) continue;
    if (limit !== undefined && entries.length === limit) {
      const last = entries.at(-1)?.key;
      const remaining = matches === undefined ? countFrom(keys, index, at, prefix) : undefined;
      return { entries, ...(last !== undefined && { last }), ...(remaining !== undefined && { remaining }) };
    }
    entries.push(entry);
  }
  return { entries };
}

function countFrom(
  keys: readonly string[],
  start: number,
  at: (key: string) => Entry | undefined,
  prefix: string,
): number {
  let count = 0;
  for (let index = start; index < keys.length; index++) {
    const key = keys[index];
    if (key === undefined || !key.startsWith(prefix)) break;
    if (at(key) !== undefined) count += 1;
  }
  return count;
}

/** Index of the first key that is not less than `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function upperBound(keys: readonly string[], key: string): number {
  const at = lowerBound(keys, key);
  return keys[at] === key ? at + 1 : at;
}
