import type { Node, Pod } from "../../api/types.ts";
import { isTolerated } from "../scheduling/taints.ts";

/** "now", at a time, or not at all. */
export type EvictionDecision =
  | { readonly evict: "now" }
  | { readonly evict: "at"; readonly time: number }
  | { readonly evict: "never" };

/**
 * When a pod has to leave a node because of its NoExecute taints. A toleration with seconds counts from when the taint was
 * added, or from `since` when the taint does not say.
 */
export function decideEviction(node: Node, pod: Pod, since: number): EvictionDecision {
  let time = Number.POSITIVE_INFINITY;
  for (const taint of node.spec?.taints ?? []) {
    if (taint.effect !== "NoExecute") continue;
    const matching = (pod.spec?.tolerations ?? []).filter((toleration) => isTolerated(taint, toleration));
    if (matching.length === 0) return { evict: "now" };
    const seconds = matching.flatMap(({ tolerationSeconds }) => tolerationSeconds ?? []);
    if (seconds.length === 0) continue;
    const shortest = Math.min(...seconds);
    if (shortest <= 0) return { evict: "now" };
    const added = taint.timeAdded === undefined ? since : Date.parse(taint.timeAdded);
    time = Math.min(time, added + shortest * 1_000);
  }
  return Number.isFinite(time) ? { evict: "at", time } : { evict: "never" };
}
