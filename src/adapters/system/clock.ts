import type { Clock } from "../../ports/clock.ts";

/** The longest delay a Node timer takes; longer sleeps are cut into pieces. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock. Sleeping keeps the process alive. */
export function createSystemClock(): Clock {
  const monotonic = (): number => performance.now();
  return {
    now: () => Date.now(),
    monotonic,
    async sleep(milliseconds, signal) {
      signal.throwIfAborted();
      const end = monotonic() + Math.max(0, milliseconds);
      do {
        await sleepOnce(Math.min(end - monotonic(), LONGEST_TIMER_MS), signal);
      } while (monotonic() < end);
    },
  };
}

function sleepOnce(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener("abort", stop);
        resolve();
      },
      Math.max(0, milliseconds),
    );
    signal.addEventListener("abort", stop, { once: true });
  });
}
