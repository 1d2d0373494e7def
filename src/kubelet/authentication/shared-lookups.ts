import { OrlopError } from "../../lib/orlop-error.ts";
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
 * never kept. A caller that goes away does not end the lookup for the others. Throws OrlopError ResourceExhausted while too
 * many lookups wait.
 */
export interface SharedLookups<T> {
  /** The kept answer, when there is one that may still be used. */
  known(key: string): T | undefined;
  /** @param asker its signal is looked at only when there is something to wait for: making one costs more than an answer */
  get(key: string, look: (signal: AbortSignal) => Promise<T>, asker: { readonly signal: AbortSignal }): Promise<T>;
}

/** Told how lookups go, for metrics. */
export interface ObserveLookups {
  /** Somebody has an answer, or learnt that there is none. */
  found(how: "hit" | "miss", seconds: number): void;
  /** Begins (1) or ceases (-1) to wait: for the answer itself, or for somebody else's lookup of the same. */
  waiting(how: "in_flight" | "blocked", change: 1 | -1): void;
  fetched(outcome: "ok" | "error"): void;
}

/** Keys longer than this are looked up each time: they would make the cache big, and no honest caller has them. */
const LONGEST_KEY = 16_384;
/** Lookups at the same time. More of them means that answers do not come, and what waits takes memory. */
const MOST_RUNNING = 1_024;
/** All keys that are kept together, characters: whoever makes many long ones pushes out what he asked before. */
const KEPT_CHARACTERS = 8 * 1_024 * 1_024;

export function createSharedLookups<T extends object>(
  { clock, observe }: { readonly clock: Pick<Clock, "monotonic" | "sleep">; readonly observe?: ObserveLookups },
  { size, lifetimeMs, timeoutMs = 30_000 }: LookupOptions<T>,
): SharedLookups<T> {
  const kept = new LRUCache<string, { readonly answer: T; readonly until: number }>({
    max: size,
    maxSize: KEPT_CHARACTERS,
    sizeCalculation: (_entry, key) => key.length + 1,
  });
  const running = new Map<string, Promise<T>>();

  const known = (key: string): T | undefined => {
    const entry = kept.get(key);
    if (entry === undefined) return undefined;
    if (clock.monotonic() < entry.until) return entry.answer;
    kept.delete(key);
    return undefined;
  };

  const start = async (key: string, look: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    observe?.waiting("in_flight", 1);
    const own = new AbortController();
    const finished = new AbortController();
    clock.sleep(timeoutMs, finished.signal).then(
      () => {
        own.abort(new DOMException(`no answer within ${timeoutMs} ms`, "TimeoutError"));
      },
      () => undefined,
    );
    try {
      const answer = await look(own.signal);
      observe?.fetched("ok");
      const lifetime = lifetimeMs(answer);
      if (lifetime > 0 && key.length <= LONGEST_KEY) {
        kept.set(key, { answer, until: clock.monotonic() + lifetime });
      }
      return answer;
    } catch (reason) {
      observe?.fetched("error");
      throw reason;
    } finally {
      observe?.waiting("in_flight", -1);
      finished.abort();
      running.delete(key);
    }
  };

  return {
    known,
    async get(key, look, asker) {
      const answer = known(key);
      if (answer !== undefined) {
        observe?.found("hit", 0);
        return answer;
      }
      const begun = clock.monotonic();
      const others = running.get(key);
      if (others === undefined && running.size >= MOST_RUNNING) {
        throw new OrlopError(
          "ResourceExhausted",
          `${MOST_RUNNING} questions to the API server wait for answers already`,
        );
      }
      // Started a turn later, so that it can not end before it is noted as running.
      const lookup = others ?? Promise.resolve().then(async () => await start(key, look));
      if (others === undefined) running.set(key, lookup);
      else observe?.waiting("blocked", 1);
      try {
        return await orAborted(lookup, asker.signal);
      } finally {
        if (others !== undefined) observe?.waiting("blocked", -1);
        observe?.found("miss", (clock.monotonic() - begun) / 1_000);
      }
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
