import type { Clock } from "../../ports/clock.ts";

export interface PendingPod {
  readonly key: string;
  readonly priority: number;
  /** Milliseconds since the epoch; of pods with the same priority the oldest goes first. */
  readonly createdAt: number;
}

/** Pods that wait for a node, at most one entry a pod. */
export interface PendingPods {
  /** New, or changed so that it is worth trying at once. */
  offer(pod: PendingPod): void;
  remove(key: string): void;
  /** The most important pod that may be tried now; it stays pending until removed. */
  next(): string | undefined;
  /** It did not work: "parked" until something changes, "retry" after a back-off. */
  failed(key: string, then: "parked" | "retry"): void;
  /** Something changed: parked pods may be tried again, after their back-off. */
  wake(): void;
  /** Milliseconds until a pod may be tried, infinite when none waits for time. */
  untilNext(): number;
}

interface Entry {
  readonly pod: PendingPod;
  readonly attempts: number;
  /** Monotonic milliseconds. */
  readonly notBefore: number;
  readonly parked: boolean;
}

const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 10_000;
/** Parked pods are tried this often even when nothing seems to have changed. */
const PARKED_AT_MOST_MS = 300_000;

export function createPendingPods(clock: Clock): PendingPods {
  const entries = new Map<string, Entry>();

  const readyAt = ({ notBefore, parked }: Entry): number => (parked ? notBefore + PARKED_AT_MOST_MS : notBefore);

  return {
    offer(pod) {
      const known = entries.get(pod.key);
      entries.set(pod.key, { pod, attempts: known?.attempts ?? 0, notBefore: clock.monotonic(), parked: false });
    },
    remove: (key) => entries.delete(key),
    next() {
      const now = clock.monotonic();
      let best: Entry | undefined;
      for (const entry of entries.values()) {
        if (readyAt(entry) <= now && (best === undefined || isBefore(entry.pod, best.pod))) best = entry;
      }
      return best?.pod.key;
    },
    failed(key, then) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      const attempts = entry.attempts + 1;
      const backoff = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempts - 1));
      entries.set(key, { ...entry, attempts, notBefore: clock.monotonic() + backoff, parked: then === "parked" });
    },
    wake() {
      for (const [key, entry] of entries) if (entry.parked) entries.set(key, { ...entry, parked: false });
    },
    untilNext() {
      let earliest = Number.POSITIVE_INFINITY;
      for (const entry of entries.values()) earliest = Math.min(earliest, readyAt(entry));
      return Math.max(0, earliest - clock.monotonic());
    },
  };
}

function isBefore(a: PendingPod, b: PendingPod): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt;
  return a.key < b.key;
}
