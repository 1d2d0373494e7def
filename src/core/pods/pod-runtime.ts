import type { Pod } from "../../api/types.ts";

/** One sandbox of a pod, as the runtime reports it. */
export interface SandboxState {
  readonly id: string;
  readonly attempt: number;
  readonly ready: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Known for the newest ready sandbox only. */
  readonly ips: readonly string[];
}

export interface ObservedResources {
  readonly cpuShares?: number;
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly memoryLimitBytes?: number;
}

/** One attempt of one container, as the runtime reports it. Times are milliseconds since the epoch, 0 for "not yet". */
export interface ContainerAttempt {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  readonly sandboxId: string;
  readonly state: "created" | "running" | "exited" | "unknown";
  readonly image: string;
  readonly imageRef: string;
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  /** What `containerHash` gave when it was created; "" when unknown. */
  readonly hash: string;
  readonly user?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] };
  readonly resources?: ObservedResources;
  readonly stopSignal?: string;
  /** e.g. "containerd://4f…", as container statuses show it. */
  readonly qualifiedId: string;
}

/** Everything the runtime knows of one pod. Both lists have the newest first. */
export interface PodRuntime {
  readonly sandboxes: readonly SandboxState[];
  readonly containers: readonly ContainerAttempt[];
}

export const NOTHING_RUNNING: PodRuntime = { sandboxes: [], containers: [] };

/** The newest attempt of a container. */
export function newestAttempt(runtime: PodRuntime, name: string): ContainerAttempt | undefined {
  return runtime.containers.find((container) => container.name === name);
}

/** Whether any container of the spec's main list exists that is not in an unknown state. */
export function hasRegularContainer(pod: Pod, runtime: PodRuntime): boolean {
  return (pod.spec?.containers ?? []).some((container) => {
    const attempt = newestAttempt(runtime, container.name);
    return attempt !== undefined && attempt.state !== "unknown";
  });
}

export type SandboxNeed =
  | { readonly need: "none"; readonly sandbox: SandboxState }
  | { readonly need: "create"; readonly attempt: number; readonly replaces?: string };

/** Whether the pod must get a (new) sandbox before anything of it can run. */
export function sandboxNeed(pod: Pod, runtime: PodRuntime): SandboxNeed {
  const newest = runtime.sandboxes[0];
  if (newest === undefined) return { need: "create", attempt: 0 };
  const readyCount = runtime.sandboxes.filter((sandbox) => sandbox.ready).length;
  const lost = pod.spec?.hostNetwork !== true && newest.ips.length === 0;
  if (readyCount > 1 || !newest.ready || lost) {
    return { need: "create", attempt: newest.attempt + 1, replaces: newest.id };
  }
  return { need: "none", sandbox: newest };
}
