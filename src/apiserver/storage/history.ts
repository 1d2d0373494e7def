import type { Entry } from "./entry.ts";

/** One durable change, as watchers see it. */
export interface Change {
  readonly type: "added" | "modified" | "deleted";
  readonly revision: number;
  readonly at: number;
  /** For "deleted": the last content with the revision of the deletion. */
  readonly entry: Entry;
  /** The version before; absent for "added". */
  readonly old?: Entry;
  /** Encoded forms shared by all watchers; emptied when the change is no longer recent. */
  readonly frames: Map<string, Uint8Array>;
}

export interface HistoryLimits {
  readonly maxChanges: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/**
 * The window of recent changes of one kind, in revision order. Readers keep a position, not a queue, so a slow reader
 * costs nothing: when its position has left the window it must start over.
 */
export interface History {
  /** Changes up to this revision may have been forgotten. */
  readonly compactedRevision: number;
  /** The position after the newest change. */
  readonly end: number;
  /** Position of the first change after `revision`; undefined when changes after it may have been forgotten. */
  positionAfter(revision: number): number | undefined;
  /** undefined when the position has left the window (or is not there yet). */
  at(position: number): Change | undefined;
  /** `wake` is called after each change and at `close`; it must be quick. Returns how to stop. */
  subscribe(wake: () => void): () => void;
  /** Whether all readers should end. */
  readonly closed: boolean;
  close(): void;
  append(change: Change): void;
  /** Before the first change: nothing is known of what happened up to this revision. */
  startAt(revision: number): void;
  /** The version each later changed key had at `revision`; undefined when that is forgotten. */
  undoneTo(revision: number): Map<string, Entry | undefined> | undefined;
  /** Forgets what is older than the age limit. */
  expire(now: number): void;
}

/** How many of the newest changes keep their encoded forms. */
const RECENT = 64;

export function createHistory(startRevision: number, limits: HistoryLimits): History {
  let changes: (Change | undefined)[] = [];
  /** Index into `changes` of the oldest one still known. */
  let head = 0;
  /** Position of changes[0]. */
  let base = 0;
  let bytes = 0;
  let compactedRevision = startRevision;
  let closed = false;
  const subscribers = new Set<() => void>();

  const wake = (): void => {
    for (const subscriber of subscribers) subscriber();
  };
  const weight = (change: Change): number => change.entry.bytes.length;
  const forgetOldest = (): void => {
    const oldest = changes[head];
    if (oldest === undefined) return;
    changes[head] = undefined;
    head += 1;
    bytes -= weight(oldest);
    compactedRevision = oldest.revision;
    if (head >= 1_024 && head * 2 >= changes.length) {
      changes = changes.slice(head);
      base += head;
      head = 0;
    }
  };

  return {
    get compactedRevision() {
      return compactedRevision;
    },
    get end() {
      return base + changes.length;
    },
    get closed() {
      return closed;
    },
    positionAfter(revision) {
      if (revision < compactedRevision) return undefined;
      let low = head;
      let high = changes.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((changes[middle]?.revision ?? 0) <= revision) low = middle + 1;
        else high = middle;
      }
      return base + low;
    },
    at(position) {
      const index = position - base;
      return index < head ? undefined : changes[index];
    },
    subscribe(subscriber) {
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
    close() {
      closed = true;
      wake();
    },
    append(change) {
      changes.push(change);
      bytes += weight(change);
      const settled = changes[changes.length - 1 - RECENT];
      if (settled !== undefined) {
        settled.frames.clear();
        settled.old?.release();
      }
      while (changes.length - head > limits.maxChanges || (bytes > limits.maxBytes && changes.length - head > 1)) {
        forgetOldest();
      }
      wake();
    },
    startAt(revision) {
      compactedRevision = revision;
    },
    undoneTo(revision) {
      if (revision < compactedRevision) return undefined;
      const past = new Map<string, Entry | undefined>();
      for (let index = changes.length - 1; index >= head; index--) {
        const change = changes[index];
        if (change === undefined || change.revision <= revision) break;
        past.set(change.entry.key, change.old);
      }
      return past;
    },
    expire(now) {
      for (let oldest = changes[head]; oldest !== undefined && now - oldest.at > limits.maxAgeMs; ) {
        forgetOldest();
        oldest = changes[head];
      }
    },
  };
}
