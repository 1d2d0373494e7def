import { LRUCache } from "lru-cache";
import type { Clock } from "../../ports/clock.ts";

export interface LookupOptions<T> {
  /** How many answers are kept. */
  readonly size: number;
  /** Milliseconds an answer may be used; 0 for not at all. */
  readonly lifetimeMs: (answer: T) => number;
  /** A lookup that takes longer fails. @default 30_000 */
  readonly timeoutMs?: number;
}

/**
 * Answers by key, looked up once for all who ask at the same time. Failures are given to everybody who waits and are
 * never kept. A caller that goes away does not end the lookup for the others.
 */
export interface SharedLookups<T> {
  /** The kept answer, when there is one that may still be used. */
  known(key: string): T | undefined;
  get(key: string, look: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** Keys longer than this are looked up each time: they would make the cache big, and no honest caller has them. */
const LONGEST_KEY = 16_384;

export function createSharedLookups<T extends object>(
  deps: { readonly clock: Pick<Clock, "monotonic" | "sleep"> },
  { size, lifetimeMs, timeoutMs = 30_000 }: LookupOptions<T>,
): SharedLookups<T> {
  const kept = new LRUCache<string, { readonly answer: T; readonly until: number }>({ max: size });
  const running = new Map<string, Promise<T>>();

  const known = (key: string): T | undefined => {
    const entry = kept.get(key);
    if (entry === undefined) return undefined;
    if (deps.clock.monotonic() < entry.until) return entry.answer;
    kept.delete(key);
    return undefined;
  };

  const start = async (key: string, look: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const own = new AbortController();
    const finished = new AbortController();
    deps.clock.sleep(timeoutMs, finished.signal).then(
      () => {
        own.abort(new DOMException(`no answer within ${timeoutMs} ms`, "TimeoutError"));
      },
      () => undefined,
    );
    try {
      const answer = await look(own.signal);
      const lifetime = lifetimeMs(answer);
      if (lifetime > 0 && key.length <= LONGEST_KEY) {
        kept.set(key, { answer, until: deps.clock.monotonic() + lifetime });
      }
      return answer;
    } finally {
      finished.abort();
      running.delete(key);
    }
  };

  return {
    known,
    async get(key, look, signal) {
      const answer = known(key);
      if (answer !== undefined) return answer;
      let lookup = running.get(key);
      if (lookup === undefined) {
        // Started a turn later, so that it can not end before it is noted as running.
        lookup = Promise.resolve().then(async () => await start(key, look));
        running.set(key, lookup);
      }
      return await orAborted(lookup, signal);
    },
  };
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
