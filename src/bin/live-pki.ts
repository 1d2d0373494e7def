import type { ClusterPki } from "../adapters/tls/cluster-pki.ts";
import { messageOf } from "../lib/orlop-error.ts";
import type { Unit } from "../machinery/unit.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";

/** The cluster's certificates as they are now: a process may outlive the ones it started with. */
export interface LivePki {
  current(): ClusterPki;
  /** Called after a renewal; returns how to stop. */
  onChange(listener: (pki: ClusterPki) => void): () => void;
}

export interface RenewingPki extends LivePki {
  /** Renews in time, by looking once a day. A failure is logged and tried again the next time. */
  readonly unit: Unit;
}

const DAY_MS = 24 * 3_600_000;

/** @param ensure makes or renews what is needed; its `changed` says what */
export function createLivePki(
  deps: { readonly clock: Pick<Clock, "sleep">; readonly log: Log },
  initial: ClusterPki,
  ensure: () => Promise<ClusterPki>,
): RenewingPki {
  const listeners = new Set<(pki: ClusterPki) => void>();
  let pki = initial;

  const look = async (): Promise<void> => {
    try {
      const next = await ensure();
      if (next.changed.length === 0) return;
      pki = next;
      for (const listener of listeners) listener(next);
    } catch (reason) {
      deps.log.error("could not renew the cluster's certificates, trying again in a day", {
        reason: messageOf(reason),
      });
    }
  };

  return {
    current: () => pki,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    unit: {
      name: "certificate renewal",
      run: async (signal, ready) => {
        ready();
        while (!signal.aborted) {
          try {
            await deps.clock.sleep(DAY_MS, signal);
          } catch {
            return;
          }
          await look();
        }
      },
    },
  };
}
