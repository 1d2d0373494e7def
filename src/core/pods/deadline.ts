import type { Pod } from "../../api/types.ts";

export type Deadline =
  | { readonly state: "none" }
  | { readonly state: "running"; readonly remainingMs: number }
  | { readonly state: "exceeded"; readonly reason: "DeadlineExceeded"; readonly message: string };

/** Whether a pod has been active longer than spec.activeDeadlineSeconds allows. Counts from status.startTime. */
export function deadlineOf(pod: Pod, startTime: string | undefined, now: number): Deadline {
  const seconds = pod.spec?.activeDeadlineSeconds;
  if (seconds === undefined || startTime === undefined) return { state: "none" };
  const remainingMs = Date.parse(startTime) + seconds * 1000 - now;
  if (remainingMs > 0) return { state: "running", remainingMs };
  return {
    state: "exceeded",
    reason: "DeadlineExceeded",
    message: "Pod was active on the node longer than the specified deadline",
  };
}
