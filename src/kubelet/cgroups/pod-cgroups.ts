import { podRequests } from "../../api/pod-resources.ts";
import type { Pod } from "../../api/types.ts";
import { sharesOf } from "../../core/pods/container-resources.ts";
import { qosClassOf, type QosClass } from "../../core/pods/qos-class.ts";
import { milliUnits } from "../../lib/quantity.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { HostCgroups } from "../../ports/host-cgroups.ts";
import type { Log } from "../../ports/log.ts";
import type { PodCgroups } from "../pod-volumes.ts";
import { type CgroupLimits, cgroupWrites, podCgroupLimits, type PodLimitOptions } from "./cgroup-limits.ts";
import { type CgroupDriver, nodeCgroup, podCgroup, qosCgroup } from "./cgroup-names.ts";

export interface PodCgroupsDeps {
  readonly cgroups: HostCgroups;
  readonly clock: Clock;
  readonly log: Log;
}

export interface PodCgroupsOptions extends PodLimitOptions {
  /** False: pods get no groups of their own, the runtime puts containers where it likes. */
  readonly cgroupsPerQos: boolean;
  /** Parent of the pods' groups, "" for the root. */
  readonly cgroupRoot: string;
  readonly driver: CgroupDriver;
  /** What all pods together may use; absent values are not limited. */
  readonly nodeLimits: CgroupLimits;
}

const QOS_CLASSES: readonly QosClass[] = ["Guaranteed", "Burstable", "BestEffort"];
const SMALLEST_SHARES = 2;
const REMOVE_ATTEMPTS = 40;
const KILL_AT_ATTEMPT = 20;
const REMOVE_PAUSE_MS = 50;

/**
 * Control groups of pods, in the tree kubepods / burstable | besteffort / pod<uid>. A limit this host can not set costs a
 * warning, not the pod; a tree that can not be made at all turns the groups off, with a warning.
 */
export function createPodCgroups(deps: PodCgroupsDeps, options: PodCgroupsOptions): PodCgroups {
  const { cgroups, log } = deps;
  const { cgroupRoot, driver } = options;
  const burstable = new Map<string, number>();
  const warned = new Set<string>();
  let tree: Promise<boolean> | undefined;
  let burstableShares = 0;

  const warnOnce = (message: string, reason: unknown): void => {
    const text = messageOf(reason);
    if (warned.has(message)) return;
    warned.add(message);
    log.warn(message, { reason: text });
  };

  const apply = async (path: string, limits: CgroupLimits): Promise<void> => {
    const { version, controllers } = await cgroups.layout();
    for (const { controller, file, value } of cgroupWrites(limits, version)) {
      if (!controllers.includes(controller)) {
        warnOnce(`this host has no ${controller} control group: ${file} of pods is not set`, "controller missing");
        continue;
      }
      try {
        await cgroups.write(controller, path, file, value);
      } catch (reason) {
        warnOnce(`cannot set ${file} of pods, they run without it`, reason);
      }
    }
  };

  /** systemd owns its slices: it makes them when the runtime asks, and limits set behind its back do not last. */
  const makesGroups = driver === "cgroupfs";

  const createTree = async (): Promise<boolean> => {
    if (!makesGroups) {
      log.warn(
        "cgroupDriver systemd: slices are left to systemd, limits of whole pods are not set (containers keep theirs)",
      );
      return true;
    }
    try {
      for (const qos of QOS_CLASSES) await cgroups.create(qosCgroup(cgroupRoot, qos, driver));
    } catch (reason) {
      log.warn("cannot create the control groups for pods, they run without groups of their own", {
        reason: messageOf(reason),
      });
      return false;
    }
    await apply(nodeCgroup(cgroupRoot, driver), options.nodeLimits);
    await apply(qosCgroup(cgroupRoot, "BestEffort", driver), { cpuShares: SMALLEST_SHARES });
    return true;
  };

  const shareOutBurstable = async (): Promise<void> => {
    if (!makesGroups) return;
    const shares = sharesOf([...burstable.values()].reduce((sum, milli) => sum + milli, 0));
    if (shares === burstableShares) return;
    burstableShares = shares;
    await apply(qosCgroup(cgroupRoot, "Burstable", driver), { cpuShares: shares });
  };

  return {
    async ensure(pod: Pod) {
      if (!options.cgroupsPerQos) return "";
      tree ??= createTree();
      if (!(await tree)) return "";
      const uid = pod.metadata?.uid ?? "";
      const qos = qosClassOf(pod);
      const path = podCgroup(cgroupRoot, qos, uid, driver);
      if (!makesGroups) return path;
      await cgroups.create(path);
      await apply(path, podCgroupLimits(pod, options));
      if (qos === "Burstable") {
        const cpu = podRequests(pod.spec ?? { containers: [] }).get("cpu");
        burstable.set(uid, cpu === undefined ? 0 : Number(milliUnits(cpu)));
        await shareOutBurstable();
      }
      return path;
    },
    async remove(podUid, signal) {
      if (!options.cgroupsPerQos) return;
      if (burstable.delete(podUid)) await shareOutBurstable();
      for (const qos of QOS_CLASSES) {
        const path = podCgroup(cgroupRoot, qos, podUid, driver);
        await removeWithPatience(deps, path, signal);
      }
    },
  };
}

/**
 * The kernel frees a group a moment after its last process ended. What is still there after that was left behind by the
 * runtime (a start that was interrupted leaves its helper waiting for ever): the pod is over, so it is killed.
 */
async function removeWithPatience(deps: PodCgroupsDeps, path: string, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; attempt <= REMOVE_ATTEMPTS; attempt++) {
    if (await deps.cgroups.remove(path)) return;
    if (attempt === KILL_AT_ATTEMPT) {
      const killed = await deps.cgroups.killProcesses(path);
      deps.log.warn("killed processes that were left in the control group of a finished pod", { path, killed });
    }
    await deps.clock.sleep(REMOVE_PAUSE_MS, signal);
  }
  throw new OrlopError("Conflict", `control group ${path} can not be removed: processes are still in it`, {
    retry: "backoff",
  });
}
