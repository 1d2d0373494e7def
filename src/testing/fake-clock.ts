import type { Clock } from "../ports/clock.ts";

export interface FakeClock extends Clock {
  /** Moves time on, waking sleepers in order; what they start (promises, immediates) runs before the next one wakes. */
  advance(milliseconds: number): Promise<void>;
  /** How many are asleep. */
  sleepers(): number;
  /** Resolves when at least `count` are asleep; gives up (rejects) after many turns of the event loop. */
  untilSleepers(count: number): Promise<void>;
}

interface Sleeper {
  readonly wakeAt: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is told to move. @param start milliseconds since the epoch */
export function createFakeClock(start: number = Date.UTC(2026, 0, 1)): FakeClock {
  let now = start;
  const sleeping = new Set<Sleeper>();
  const next = (until: number): Sleeper | undefined => {
    let first: Sleeper | undefined;
    for (const sleeper of sleeping) {
      if (sleeper.wakeAt <= until && (first === undefined || sleeper.wakeAt < first.wakeAt)) first = sleeper;
    }
    return first;
  };
  return {
    now: () => now,
    monotonic: () => now - start,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        const stop = (): void => {
          sleeping.delete(sleeper);
          reject(signal.reason);
        };
        const sleeper: Sleeper = {
          wakeAt: now + Math.max(0, milliseconds),
          wake: () => {
            sleeping.delete(sleeper);
            signal.removeEventListener("abort", stop);
            resolve();
          },
        };
        sleeping.add(sleeper);
        signal.addEventListener("abort", stop, { once: true });
      }),
    async advance(milliseconds) {
      const target = now + milliseconds;
      await settle();
      for (let sleeper = next(target); sleeper !== undefined; sleeper = next(target)) {
        now = Math.max(now, sleeper.wakeAt);
        sleeper.wake();
        await settle();
      }
      now = target;
      await settle();
    },
    sleepers: () => sleeping.size,
    async untilSleepers(count) {
      for (let turn = 0; turn < 10_000; turn++) {
        if (sleeping.size >= count) return;
        await new Promise((resolve) => setImmediate(resolve));
      }
      throw new Error(`waited for ${count} sleepers, saw ${sleeping.size}`);
    },
  };
}

/** Lets promises and immediates that are due run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
