import type { CoreEvent } from "../api/types.ts";
import { LRUCache } from "lru-cache";

/** What happened, before it becomes an object. */
export interface Occurrence {
  readonly involvedObject: NonNullable<CoreEvent["involvedObject"]>;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export type EventWrite =
  | { readonly do: "create"; readonly occurrence: Occurrence; readonly key: string }
  /** The event exists already: count it up. */
  | { readonly do: "count"; readonly occurrence: Occurrence; readonly key: string; readonly event: KnownEvent }
  | { readonly do: "drop"; readonly because: "too-many-from-object" };

export interface KnownEvent {
  readonly namespace: string;
  readonly name: string;
  readonly count: number;
  readonly firstTimestamp: string;
}

export interface EventSeries {
  /** Decides what to write for something that happened at `now` (ms). */
  decide(occurrence: Occurrence, now: number): EventWrite;
  /** The event was written: the next one alike counts it up. */
  wrote(key: string, event: KnownEvent): void;
  /** The event is gone from the server: the next one alike is new. */
  forget(key: string): void;
}

// The numbers are those of upstream's event correlator.
const CACHE_ENTRIES = 4_096;
const SIMILAR_WITHIN_MS = 600_000;
const SIMILAR_AT_MOST = 10;
const BURST = 25;
const REFILL_MS = 300_000;

/**
 * Keeps events few: the same again is counted, many that differ in their message only become one, and an object that
 * never stops gets 25 at once and then one each five minutes. Bounded: what was not seen for long is forgotten.
 */
export function createEventSeries(): EventSeries {
  const known = new LRUCache<string, KnownEvent>({ max: CACHE_ENTRIES });
  const similar = new LRUCache<string, { readonly messages: Set<string>; readonly since: number }>({
    max: CACHE_ENTRIES,
  });
  const buckets = new LRUCache<string, { readonly tokens: number; readonly at: number }>({ max: CACHE_ENTRIES });

  const isSpam = (objectKey: string, now: number): boolean => {
    const { tokens, at } = buckets.get(objectKey) ?? { tokens: BURST, at: now };
    const filled = Math.min(BURST, tokens + (now - at) / REFILL_MS);
    buckets.set(objectKey, { tokens: filled >= 1 ? filled - 1 : filled, at: now });
    return filled < 1;
  };

  const aggregate = (occurrence: Occurrence, groupKey: string, now: number): Occurrence => {
    const seen = similar.get(groupKey);
    const group =
      seen === undefined || now - seen.since > SIMILAR_WITHIN_MS ? { messages: new Set<string>(), since: now } : seen;
    if (group.messages.size < SIMILAR_AT_MOST) group.messages.add(occurrence.message);
    similar.set(groupKey, { messages: group.messages, since: now });
    if (group.messages.size < SIMILAR_AT_MOST) return occurrence;
    return { ...occurrence, message: `(combined from similar events): ${occurrence.message}` };
  };

  return {
    decide(occurrence, now) {
      const object = occurrence.involvedObject;
      const objectKey = join(object.kind, object.namespace, object.name, object.uid, object.apiVersion);
      const groupKey = join(objectKey, object.fieldPath, occurrence.type, occurrence.reason);
      const combined = aggregate(occurrence, groupKey, now);
      const isCombined = combined !== occurrence;
      const key = isCombined ? groupKey : join(groupKey, occurrence.message);
      if (isSpam(objectKey, now)) return { do: "drop", because: "too-many-from-object" };
      const event = known.get(key);
      return event === undefined
        ? { do: "create", occurrence: combined, key }
        : { do: "count", occurrence: combined, key, event };
    },
    wrote: (key, event) => {
      known.set(key, event);
    },
    forget: (key) => {
      known.delete(key);
    },
  };
}

function join(...parts: readonly (string | undefined)[]): string {
  return parts.map((part) => part ?? "").join("\0");
}
