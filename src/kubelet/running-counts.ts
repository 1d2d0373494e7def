import type { PodDirectory } from "./pod-directory.ts";

export interface RunningCounts {
  readonly pods: number;
  /** By state: created, running, exited, unknown. */
  readonly containers: Readonly<Record<string, number>>;
  readonly desired: number;
}

/** What runs on the node, for metrics. */
export function countRunning(pods: Pick<PodDirectory, "pods" | "runningPods">): RunningCounts {
  const containers: Record<string, number> = { running: 0, exited: 0, created: 0, unknown: 0 };
  const known = pods.pods();
  for (const { status } of known) {
    for (const { state } of [
      ...(status?.initContainerStatuses ?? []),
      ...(status?.containerStatuses ?? []),
      ...(status?.ephemeralContainerStatuses ?? []),
    ]) {
      if (state?.running !== undefined) containers["running"] = (containers["running"] ?? 0) + 1;
      else if (state?.terminated !== undefined) containers["exited"] = (containers["exited"] ?? 0) + 1;
    }
  }
  return { pods: pods.runningPods().length, desired: known.length, containers };
}
