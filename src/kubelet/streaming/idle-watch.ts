import type { Clock } from "../../ports/clock.ts";

export interface IdleWatch {
  /** Something moved. */
  touch(): void;
}

/** Calls `onIdle` once when nothing moved for `milliseconds`; ends with the signal. 0 never calls. */
export function watchIdle(clock: Clock, milliseconds: number, signal: AbortSignal, onIdle: () => void): IdleWatch {
  let last = clock.monotonic();
  const watch = async (): Promise<void> => {
    for (;;) {
      const left = last + milliseconds - clock.monotonic();
      if (left <= 0) {
        onIdle();
        return;
      }
      await clock.sleep(left, signal);
    }
  };
  // The signal ends the wait by rejecting.
  if (milliseconds > 0) watch().catch(() => undefined);
  return {
    touch() {
      last = clock.monotonic();
    },
  };
}
