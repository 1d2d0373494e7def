import type { CSIDriver } from "../../api/types.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";

export interface AllocatableUpdatesDeps {
  readonly registered: () => readonly string[];
  readonly driver: (name: string, signal: AbortSignal) => Promise<CSIDriver | undefined>;
  /** Asks the driver about the node again and shows the answer. */
  readonly refresh: (name: string, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The API allows no shorter period. */
const LOOK_MS = 10_000;

/** Keeps CSINode true for drivers whose limit changes (CSIDriver.spec.nodeAllocatableUpdatePeriodSeconds). */
export function createAllocatableUpdates(deps: AllocatableUpdatesDeps): Unit {
  const { clock, log } = deps;
  const askedAt = new Map<string, number>();

  async function look(name: string, signal: AbortSignal): Promise<void> {
    const period = (await deps.driver(name, signal))?.spec?.nodeAllocatableUpdatePeriodSeconds ?? 0;
    const now = clock.monotonic();
    const before = askedAt.get(name);
    if (before === undefined) askedAt.set(name, now);
    if (period <= 0 || before === undefined || now - before < period * 1_000) return;
    askedAt.set(name, now);
    await deps.refresh(name, signal);
  }

  return {
    name: "CSI limits",
    async run(signal, ready) {
      ready();
      const looking = new Set<string>();
      while (!signal.aborted) {
        const names = deps.registered();
        for (const known of askedAt.keys()) if (!names.includes(known)) askedAt.delete(known);
        for (const name of names) {
          // A driver that hangs is not asked a second time, and keeps no other from being asked.
          if (looking.has(name)) continue;
          looking.add(name);
          void look(name, signal)
            .catch((reason: unknown) => {
              if (!signal.aborted)
                log.warn("A driver's limit can not be updated", { driver: name, reason: messageOf(reason) });
            })
            .finally(() => looking.delete(name));
        }
        await clock.sleep(LOOK_MS, signal).catch(() => undefined);
      }
    },
  };
}
