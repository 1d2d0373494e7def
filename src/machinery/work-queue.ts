import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import { backoffDelay, type BackoffOptions } from "./backoff.ts";
import { linkAbort } from "./linked-abort.ts";

/**
 * Keys that wait to be worked on. A key waits at most once however often it is added, and is never worked on twice at
 * the same time: added while somebody works on it, it comes again after `done`. It holds at most one entry a key.
 */
export interface WorkQueue {
  add(key: string): void;
  /** Adds it in a while, unless an earlier time is set already. */
  addAfter(key: string, milliseconds: number): void;
  /** Adds it after a back-off that grows with each failure since `forget`. */
  addFailed(key: string): void;
  /** The key is well: its next failure starts with a short back-off. */
  forget(key: string): void;
  /** Waits for a key; the caller says `done` when finished. Rejects when aborted. */
  next(signal: AbortSignal): Promise<string>;
  done(key: string): void;
  /** Keys that wait now, not those for later. */
  readonly size: number;
  failures(key: string): number;
  /** Moves keys added for later; must run for `addAfter` and `addFailed` to work. Ends when aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface WorkQueueDeps {
  readonly clock: Clock;
  readonly random: Random;
}

export interface WorkQueueOptions {
  /** @default 5 ms up to 1000 s, as upstream's controllers */
  readonly backoff?: BackoffOptions;
}

export function createWorkQueue(deps: WorkQueueDeps, options: WorkQueueOptions = {}): WorkQueue {
  const { clock, random } = deps;
  const backoff = options.backoff ?? { initialMs: 5, maximumMs: 1_000_000 };
  const waiting = new Set<string>();
  const active = new Set<string>();
  /** Added while active. */
  const again = new Set<string>();
  const dueAt = new Map<string, number>();
  const failures = new Map<string, number>();
  const takers = new Set<() => void>();
  let wakeTimer = (): void => undefined;

  const add = (key: string): void => {
    if (active.has(key)) {
      again.add(key);
      return;
    }
    waiting.add(key);
    const [taker] = takers;
    if (taker !== undefined) {
      takers.delete(taker);
      taker();
    }
  };

  const addAfter = (key: string, milliseconds: number): void => {
    if (milliseconds <= 0) {
      add(key);
      return;
    }
    const due = clock.monotonic() + milliseconds;
    const known = dueAt.get(key);
    if (known !== undefined && known <= due) return;
    dueAt.set(key, due);
    wakeTimer();
  };

  const moveDue = (): number => {
    const now = clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const [key, due] of dueAt) {
      if (due <= now) {
        dueAt.delete(key);
        add(key);
      } else next = Math.min(next, due);
    }
    return next - now;
  };

  return {
    add,
    addAfter,
    addFailed(key) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      addAfter(key, backoffDelay(count, backoff, random));
    },
    forget: (key) => failures.delete(key),
    async next(signal) {
      for (;;) {
        signal.throwIfAborted();
        const [key] = waiting;
        if (key !== undefined) {
          waiting.delete(key);
          active.add(key);
          return key;
        }
        await untilAdded(takers, signal);
      }
    },
    done(key) {
      active.delete(key);
      if (again.delete(key)) add(key);
    },
    get size() {
      return waiting.size;
    },
    failures: (key) => failures.get(key) ?? 0,
    async run(signal) {
      while (!signal.aborted) {
        const wait = moveDue();
        const link = linkAbort(signal);
        const woken = new Promise<void>((resolve) => {
          wakeTimer = resolve;
          link.signal.addEventListener("abort", () => resolve(), { once: true });
        });
        const timer = Number.isFinite(wait) ? clock.sleep(wait, link.signal).catch(() => undefined) : woken;
        await Promise.race([woken, timer]);
        link.release();
        link.abort();
      }
    },
  };
}

function untilAdded(takers: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      takers.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    takers.add(wake);
    signal.addEventListener("abort", wake, { once: true });
  });
}
