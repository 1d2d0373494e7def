import type { Pod } from "../../api/types.ts";
import type { ContainerKind } from "../../core/pods/containers.ts";

/** What happens to pods, for those who count. */
export type PodObservation =
  /** A sandbox is about to be made: kubelet_started_pods_total and its sister for user namespaces. */
  | { readonly type: "pod-starting"; readonly pod: Pod }
  /** At most once for each pod-starting: the sandbox, or a container in the same go, failed. */
  | { readonly type: "pod-start-failed"; readonly pod: Pod; readonly at: "sandbox" | "container" }
  | { readonly type: "container-starting"; readonly kind: ContainerKind }
  /** `reason` is one of a small set, e.g. "ErrImagePull". */
  | { readonly type: "container-start-failed"; readonly kind: ContainerKind; readonly reason: string }
  /** One look at a pod and all that followed from it. "create" is the first of a pod that nothing runs of yet. */
  | { readonly type: "pod-synced"; readonly operation: "create" | "sync" | "kill"; readonly tookMs: number }
  /** A pod is reported as Running for the first time. */
  | { readonly type: "pod-running"; readonly pod: Pod; readonly sinceSeenMs: number };

export type ObservePods = (observation: PodObservation) => void;
