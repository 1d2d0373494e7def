import { messageOf } from "../../lib/orlop-error.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RuntimeHandler, RuntimeInfo, RuntimeObserver } from "../../ports/container-runtime.ts";
import type { Log } from "../../ports/log.ts";

export interface RuntimeWatchDeps {
  readonly observer: Pick<RuntimeObserver, "status" | "version">;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RuntimeWatchOptions {
  /** Milliseconds between looks. @default 5 s */
  readonly interval?: number;
  /** Milliseconds without an answer after which the runtime counts as down. @default 30 s */
  readonly threshold?: number;
}

/** The container runtime as last seen. Answers come from memory. */
export interface RuntimeWatch {
  /** Why pods can not be run, as in the Ready condition; empty when they can. */
  problems(): readonly string[];
  /** The part of them that is about the network for pods. */
  networkProblem(): string | undefined;
  readonly info: RuntimeInfo | undefined;
  /** Sorted by name. */
  readonly handlers: readonly RuntimeHandler[];
  readonly supplementalGroupsPolicy: boolean | undefined;
  readonly userNamespacesHostNetwork: boolean;
  /** Called when problems() or the handlers may have changed; returns how to stop. */
  onChange(listener: () => void): () => void;
  /** Looks again and again. Ready after the first look, whatever it showed. */
  readonly unit: Unit;
}

const INTERVAL_MS = 5_000;
const IMPATIENT_MS = 200;
const IMPATIENT_LOOKS = 100;
const THRESHOLD_MS = 30_000;

export function createRuntimeWatch(deps: RuntimeWatchDeps, options: RuntimeWatchOptions = {}): RuntimeWatch {
  const { observer, clock, log } = deps;
  const { interval = INTERVAL_MS, threshold = THRESHOLD_MS } = options;
  const listeners = new Set<() => void>();
  let seenAt: number | undefined;
  let answering: boolean | undefined;
  let info: RuntimeInfo | undefined;
  let handlers: readonly RuntimeHandler[] = [];
  let supplementalGroupsPolicy: boolean | undefined;
  let userNamespacesHostNetwork = false;
  let runtimeProblem: string | undefined;
  let networkProblem: string | undefined = "network state unknown";

  const problems = (): readonly string[] => {
    const down =
      seenAt === undefined
        ? "container runtime status check may not have completed yet"
        : clock.monotonic() - seenAt >= threshold
          ? "container runtime is down"
          : undefined;
    return [down, runtimeProblem, networkProblem].filter((problem) => problem !== undefined);
  };

  const look = async (signal: AbortSignal): Promise<void> => {
    const before = JSON.stringify([problems(), handlers, info]);
    try {
      const status = await observer.status(signal);
      if (answering === false) log.info("the container runtime answers again");
      answering = true;
      info = await observer.version(signal);
      const detail = status.message;
      runtimeProblem = status.runtimeReady ? undefined : `container runtime not ready: ${detail}`;
      networkProblem = status.networkReady ? undefined : `container runtime network not ready: ${detail}`;
      handlers = status.handlers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
      ({ supplementalGroupsPolicy, userNamespacesHostNetwork } = status);
      if (status.runtimeReady) seenAt = clock.monotonic();
    } catch (reason) {
      if (signal.aborted) return;
      // Told once for each time it goes away, not at each look.
      if (answering !== false) log.warn("the container runtime does not answer", { reason: messageOf(reason) });
      answering = false;
    }
    if (JSON.stringify([problems(), handlers, info]) !== before) for (const listener of listeners) listener();
  };

  return {
    problems,
    networkProblem: () => networkProblem,
    get info() {
      return info;
    },
    get handlers() {
      return handlers;
    },
    get supplementalGroupsPolicy() {
      return supplementalGroupsPolicy;
    },
    get userNamespacesHostNetwork() {
      return userNamespacesHostNetwork;
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    unit: {
      name: "runtime watch",
      run: async (signal, ready) => {
        let starting = true;
        for (let looks = 1; !signal.aborted; looks++) {
          await look(signal);
          ready();
          // Starting up, every second counts for whoever waits for the node.
          starting &&= problems().length > 0 && looks < IMPATIENT_LOOKS;
          const pause = starting ? IMPATIENT_MS : interval;
          await clock.sleep(Math.min(pause, interval), signal).catch(() => undefined);
        }
      },
    },
  };
}
