import type { KubeletConfiguration } from "../api/kubelet-configuration.ts";

export interface HostCheckInput {
  readonly configuration: Pick<KubeletConfiguration, "failCgroupV1" | "failSwapOn">;
  /** undefined: the host has no control groups that can be used. */
  readonly cgroupVersion: 1 | 2 | undefined;
  readonly swapBytes: number;
}

/** Why the kubelet must not run on this host as it is configured; undefined when it may. */
export function hostProblem({ configuration, cgroupVersion, swapBytes }: HostCheckInput): string | undefined {
  if (configuration.failCgroupV1 && cgroupVersion === 1) {
    return "kubelet is configured to not run on a host using cgroup v1: boot with cgroup v2, or set failCgroupV1 to false";
  }
  if (configuration.failSwapOn && swapBytes > 0) {
    return "running with swap on is not supported, please disable swap or set failSwapOn to false";
  }
  return undefined;
}
