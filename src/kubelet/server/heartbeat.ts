import { OrlopError } from "../../lib/orlop-error.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";

export interface Heartbeat {
  /** Beats every few seconds as long as this process gets to do its work. */
  readonly unit: Unit;
  /** Throws when it has not beaten for too long: then pods are not looked after either. */
  readonly check: () => void;
}

const BEAT_MS = 5_000;
const SHORTEST_PATIENCE_MS = 5 * 60_000;

/** The health check "syncloop". @param options.period milliseconds between regular looks at a pod */
export function createHeartbeat(deps: { readonly clock: Clock }, options: { readonly period: number }): Heartbeat {
  const { clock } = deps;
  const patience = Math.max(2 * options.period, SHORTEST_PATIENCE_MS);
  let last = clock.monotonic();
  return {
    check: () => {
      const silence = clock.monotonic() - last;
      if (silence > patience) {
        throw new OrlopError(
          "Internal",
          `sync Loop took longer than expected: last turn ${Math.round(silence / 1_000)} s ago`,
        );
      }
    },
    unit: {
      name: "heartbeat",
      run: async (signal, ready) => {
        ready();
        while (!signal.aborted) {
          last = clock.monotonic();
          await clock.sleep(BEAT_MS, signal).catch(() => undefined);
        }
      },
    },
  };
}
