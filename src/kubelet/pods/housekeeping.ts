import type { Pod } from "../../api/types.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { linkAbort } from "../../machinery/linked-abort.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Files } from "../../ports/files.ts";
import type { Log } from "../../ports/log.ts";
import type { PodCgroups, PodReferences, PodVolumes } from "../pod-volumes.ts";
import { podUidOfLogDirectory } from "./log-paths.ts";
import type { FoundPod, RuntimeReader } from "./runtime-reader.ts";
import type { PodUserNamespaces } from "./sandbox-plan.ts";

export interface HousekeepingDeps {
  readonly reader: Pick<RuntimeReader, "all">;
  readonly volumes: Pick<PodVolumes, "release" | "podsOnDisk">;
  readonly cgroups: Pick<PodCgroups, "remove">;
  readonly references: Pick<PodReferences, "retain">;
  readonly userNamespaces?: Pick<PodUserNamespaces, "release">;
  readonly files: Pick<Files, "list" | "removeTree">;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether every source of pods has told what it has: before, a pod nobody knows may only be one nobody knows yet. */
  readonly isReady: () => boolean;
  readonly knownPods: () => readonly Pod[];
  /** Gives a pod found in the runtime a worker that ends it. */
  readonly adoptOrphan: (found: FoundPod) => void;
}

export interface Housekeeping {
  /** Do not wait for the next round. */
  soon(): void;
  run(signal: AbortSignal): Promise<void>;
}

const PERIOD_MS = 60_000;
const FIRST_PERIOD_MS = 2_000;

/** Finds what pods left behind that nobody knows any more: in the runtime, on disk, among the logs. */
export function createHousekeeping(deps: HousekeepingDeps, options: { readonly podLogsRoot: string }): Housekeeping {
  const { clock, log } = deps;
  let soon = (): void => undefined;

  async function round(signal: AbortSignal): Promise<void> {
    // Asked first: whoever appears in the runtime after this was put there by somebody who is known below.
    const found = await deps.reader.all(signal);
    const inRuntime = new Set(found.map(({ uid }) => uid));
    deps.references.retain(deps.knownPods());
    for (const orphan of found) {
      if (isKnown(orphan.uid)) continue;
      log.info("A pod runs that nobody wants, ending it", { podUid: orphan.uid, pod: orphan.name });
      deps.adoptOrphan(orphan);
    }
    for (const uid of await deps.volumes.podsOnDisk(signal)) {
      if (inRuntime.has(uid) || isKnown(uid)) continue;
      await attempt("What a pod left on disk could not be removed", uid, async () => {
        await deps.volumes.release(uid, signal);
        await deps.cgroups.remove(uid, signal);
        await deps.userNamespaces?.release(uid, signal);
      });
    }
    for (const { name } of await listed(options.podLogsRoot)) {
      const uid = podUidOfLogDirectory(name);
      if (uid === undefined || inRuntime.has(uid) || isKnown(uid)) continue;
      const path = `${options.podLogsRoot}/${name}`;
      await attempt("Logs of a pod that is gone could not be removed", uid, () => deps.files.removeTree(path));
    }
  }

  /** Asked at the moment something is about to go: a pod may have come, and have made it, while others were looked at. */
  function isKnown(uid: string): boolean {
    return deps.knownPods().some(({ metadata }) => metadata?.uid === uid);
  }

  async function listed(path: string): Promise<readonly { readonly name: string }[]> {
    try {
      return await deps.files.list(path);
    } catch (failure) {
      if (failure instanceof OrlopError && failure.code === "NotFound") return [];
      throw failure;
    }
  }

  async function attempt(what: string, podUid: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (failure) {
      log.warn(what, { podUid, reason: messageOf(failure) });
    }
  }

  return {
    soon: () => soon(),
    async run(signal) {
      let done = false;
      while (!signal.aborted) {
        if (deps.isReady()) {
          try {
            await round(signal);
            done = true;
          } catch (failure) {
            if (signal.aborted) return;
            log.debug("Leftovers could not be looked for, trying again", { reason: messageOf(failure) });
          }
        }
        const early = linkAbort(signal);
        soon = () => early.abort();
        const period = done ? PERIOD_MS : FIRST_PERIOD_MS;
        await clock.sleep(period, early.signal).catch(() => undefined);
        early.release();
      }
    },
  };
}
