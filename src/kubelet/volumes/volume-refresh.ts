import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";

export interface Refreshing {
  /** Uids of pods of one namespace, or of all. */
  podsOf(namespace: string | undefined): readonly string[];
  refresh(uid: string, signal: AbortSignal): Promise<void>;
}

/** Refreshes files when a ConfigMap or Secret may have changed, and all of them from time to time. */
export function createVolumeRefresh(
  deps: {
    readonly clock: Clock;
    /** Tells when an object of a namespace may have changed; returns how to stop. */
    readonly onReferenceChange: (listener: (namespace: string) => void) => () => void;
  },
  interval: number,
  { podsOf, refresh }: Refreshing,
): Unit {
  return {
    name: "volume refresh",
    run: async (signal, ready) => {
      const running = new Set<Promise<void>>();
      const start = (namespace: string | undefined): void => {
        for (const uid of podsOf(namespace)) {
          const work = refresh(uid, signal).finally(() => running.delete(work));
          running.add(work);
        }
      };
      const stop = deps.onReferenceChange(start);
      ready();
      try {
        while (!signal.aborted) {
          await deps.clock.sleep(interval, signal);
          await Promise.all(running);
          start(undefined);
        }
      } catch (reason) {
        if (!signal.aborted) throw reason;
      } finally {
        stop();
        await Promise.allSettled(running);
      }
    },
  };
}
