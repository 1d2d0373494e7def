import { linkAbort } from "../../machinery/linked-abort.ts";
import type { Clock } from "../../ports/clock.ts";

export interface WakeUp {
  /** Ends the wait under way, or the next one at once. */
  wake(): void;
  /** Waits for `wake`, for the time to pass, or for the signal; never rejects. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export function createWakeUp(clock: Clock): WakeUp {
  let called = false;
  let end = (): void => undefined;
  return {
    wake() {
      called = true;
      end();
    },
    async wait(milliseconds, signal) {
      if (!called && !signal.aborted && milliseconds > 0) {
        const link = linkAbort(signal);
        end = () => link.abort();
        // Without a time to wait for, only a call or the signal ends it.
        await clock.sleep(Math.min(milliseconds, 2 ** 31 - 1), link.signal).catch(() => undefined);
        link.release();
        link.abort();
      }
      called = false;
    },
  };
}
