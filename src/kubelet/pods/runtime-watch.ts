import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RuntimeObserver } from "../../ports/container-runtime.ts";
import type { Log } from "../../ports/log.ts";
import type { FoundPod, RuntimeReader } from "./runtime-reader.ts";

export interface RuntimeWatchDeps {
  readonly observer: Pick<RuntimeObserver, "events">;
  readonly reader: Pick<RuntimeReader, "all">;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RuntimeWatchListener {
  /** Something of this pod changed in the runtime. */
  readonly changed: (podUid: string) => void;
  /** The runtime answers (again): anything may have changed. */
  readonly connected: () => void;
  readonly lost: (problem: string) => void;
}

const EVENTS_PERIOD_MS = 30_000;
const POLL_PERIOD_MS = 1_000;
const RETRY_MS = 500;

/**
 * Tells what changes in the runtime: by its events where it has them, with a look at everything now and then, and by
 * looking every second where it has not. Goes on while the runtime is away.
 */
export async function watchRuntime(
  deps: RuntimeWatchDeps,
  listener: RuntimeWatchListener,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = deps;
  let before: ReadonlyMap<string, string> | undefined;
  let away = false;
  let hasEvents = true;

  async function look(): Promise<void> {
    try {
      const now = new Map((await deps.reader.all(signal)).map((pod) => [pod.uid, fingerprint(pod)]));
      const isNew = before === undefined || away;
      const last = before ?? new Map<string, string>();
      before = now;
      if (isNew) {
        if (away) log.info("The container runtime answers again");
        away = false;
        listener.connected();
        return;
      }
      for (const uid of new Set([...last.keys(), ...now.keys()])) {
        if (last.get(uid) !== now.get(uid)) listener.changed(uid);
      }
    } catch (failure) {
      if (signal.aborted) return;
      const problem = messageOf(failure);
      if (!away) log.error("The container runtime does not answer, trying again", { problem });
      away = true;
      listener.lost(problem);
    }
  }

  async function listen(): Promise<void> {
    while (!signal.aborted && hasEvents) {
      try {
        for await (const { podUid } of deps.observer.events(signal)) {
          if (podUid !== "") listener.changed(podUid);
        }
      } catch (failure) {
        if (failure instanceof OrlopError && failure.code === "Unsupported") {
          hasEvents = false;
          log.info("The container runtime has no events, it is looked at every second");
          return;
        }
        log.debug("The runtime's events broke off", { problem: messageOf(failure) });
      }
      await clock.sleep(RETRY_MS, signal).catch(() => undefined);
      if (!signal.aborted) await look();
    }
  }

  await look();
  const listening = listen();
  while (!signal.aborted) {
    const period = away ? RETRY_MS : hasEvents ? EVENTS_PERIOD_MS : POLL_PERIOD_MS;
    await clock.sleep(period, signal).catch(() => undefined);
    if (!signal.aborted) await look();
  }
  await listening;
}

function fingerprint({ sandboxes, containers }: FoundPod): string {
  return [
    ...sandboxes.map(({ id, ready }) => `${id}=${String(ready)}`),
    ...containers.map(({ id, state }) => `${id}=${state}`),
  ]
    .sort()
    .join(" ");
}
