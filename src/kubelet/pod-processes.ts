import type { Pod } from "../api/types.ts";
import { qosClassOf } from "../core/pods/qos-class.ts";
import type { IdRange } from "../core/userns/id-pool.ts";
import type { ContainerRuntime, SandboxRuntime } from "../ports/container-runtime.ts";
import type { FileReader } from "../ports/files.ts";
import type { HostCgroups } from "../ports/host-cgroups.ts";
import { type CgroupDriver, podCgroup } from "./cgroups/cgroup-names.ts";
import { POD_UID } from "./pods/labels.ts";

export interface PodProcessesDeps {
  readonly cgroups: HostCgroups;
  readonly files: Pick<FileReader, "read">;
  readonly sandboxes: Pick<SandboxRuntime, "list" | "status">;
  readonly containers: Pick<ContainerRuntime, "list" | "status">;
}

export interface PodProcessesOptions {
  readonly cgroupRoot: string;
  readonly driver: () => Promise<CgroupDriver>;
}

/** Processes of pods on this host, found through their control groups. */
export interface PodProcesses {
  /** Any process of the pod; undefined when none can be found. */
  any(pod: Pod): Promise<number | undefined>;
  /** Host IDs the pod's processes run with now. "none" only when the runtime says that nothing of the pod runs. */
  liveRange(podUid: string, signal: AbortSignal): Promise<IdRange | "none" | "unknown">;
}

const ID_MAP_LIMIT_BYTES = 64 * 1024;

export function createPodProcesses(deps: PodProcessesDeps, options: PodProcessesOptions): PodProcesses {
  const any = async (pod: Pod): Promise<number | undefined> => {
    const path = podCgroup(options.cgroupRoot, qosClassOf(pod), pod.metadata?.uid ?? "", await options.driver());
    const [controller] = (await deps.cgroups.layout()).controllers;
    if (controller === undefined) return undefined;
    for (const child of await deps.cgroups.children(path)) {
      const processes = await deps.cgroups.read(controller, `${path}/${child}`, "cgroup.procs");
      const first = Number(processes?.split("\n")[0]);
      if (first > 0) return first;
    }
    return undefined;
  };
  return {
    any,
    async liveRange(podUid, signal) {
      try {
        const own = { [POD_UID]: podUid };
        const sandboxes = (await deps.sandboxes.list(own, signal)).filter(({ ready }) => ready);
        const containers = (await deps.containers.list(own, signal)).filter(({ state }) => state === "running");
        // Asked of the runtime and not of the control groups: at the start nobody knows the pods yet, whose class names them.
        const statuses = await Promise.all([
          ...sandboxes.map(({ id }) => deps.sandboxes.status(id, signal)),
          ...containers.map(({ id }) => deps.containers.status(id, signal)),
        ]);
        if (statuses.length === 0) return "none";
        const process = statuses.flatMap(({ pid }) => pid ?? [])[0];
        if (process === undefined) return "unknown";
        const bytes = await deps.files.read(`/proc/${process}/uid_map`, ID_MAP_LIMIT_BYTES);
        return parseIdMap(new TextDecoder().decode(bytes));
      } catch {
        return "unknown";
      }
    },
  };
}

/** The range of a map with one line; the host's own map counts as none of a pod's. */
export function parseIdMap(text: string): IdRange | "unknown" {
  const lines = text.trim().split("\n");
  const [inside, firstId, length] = (lines[0] ?? "").trim().split(/\s+/).map(Number);
  if (lines.length !== 1 || inside !== 0 || firstId === undefined || length === undefined || firstId === 0)
    return "unknown";
  return { firstId, length };
}
