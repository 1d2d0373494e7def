import { linkAbort } from "../../machinery/linked-abort.ts";
import type { Clock } from "../../ports/clock.ts";

/** A bell between those who have news and the one who works: many rings before it listens count as one. */
export interface Wake {
  ring(): void;
  /** Returns at once when it rang since the last wait, else at the next ring or after the time is over. */
  wait(milliseconds: number | undefined, signal: AbortSignal): Promise<void>;
}

export function createWake(clock: Clock): Wake {
  let rang = false;
  let answer: (() => void) | undefined;
  return {
    ring() {
      rang = true;
      answer?.();
    },
    async wait(milliseconds, signal) {
      if (!rang) {
        const early = linkAbort(signal);
        answer = () => early.abort();
        try {
          if (milliseconds === undefined) await aborted(early.signal);
          else await clock.sleep(milliseconds, early.signal).catch(() => undefined);
        } finally {
          answer = undefined;
          early.release();
        }
      }
      signal.throwIfAborted();
      rang = false;
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
