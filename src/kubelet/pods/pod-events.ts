import type { Pod } from "../../api/types.ts";

export interface PodEvent {
  readonly type: "Normal" | "Warning";
  /** e.g. "Started" */
  readonly reason: string;
  readonly message: string;
  /** Name of the container it is about. */
  readonly container?: string;
}

/** Tells users what happens to a pod. Never waits and never fails; repeated events are counted, not multiplied. */
export interface PodEvents {
  record(pod: Pod, event: PodEvent): void;
}
