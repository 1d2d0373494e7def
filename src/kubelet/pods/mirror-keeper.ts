import type { Pod } from "../../api/types.ts";
import { linkAbort } from "../../machinery/linked-abort.ts";
import type { Clock } from "../../ports/clock.ts";
import type { MirrorPods } from "./mirror-pods.ts";

const PERIOD_MS = 10_000;

/** Looks after mirror pods, every ten seconds and when told. */
export interface MirrorKeeper {
  /** Something changed: look now. */
  soon(): void;
  /** Ends with the signal. */
  run(signal: AbortSignal): Promise<void>;
}

export function createMirrorKeeper(deps: {
  readonly clock: Clock;
  /** undefined without an API server: there is nothing to keep. */
  readonly mirrors: Pick<MirrorPods, "reconcile"> | undefined;
  /** Static pods that should have a mirror. undefined until all are known: no mirror is called stale before. */
  readonly staticPods: () => readonly Pod[] | undefined;
}): MirrorKeeper {
  const { clock, mirrors, staticPods } = deps;
  let wake = (): void => undefined;
  return {
    soon: () => wake(),
    async run(signal) {
      if (mirrors === undefined) return;
      while (!signal.aborted) {
        const early = linkAbort(signal);
        wake = () => early.abort();
        const pods = staticPods();
        if (pods !== undefined) await mirrors.reconcile(pods, signal).catch(() => undefined);
        await clock.sleep(PERIOD_MS, early.signal).catch(() => undefined);
        early.release();
      }
    },
  };
}
