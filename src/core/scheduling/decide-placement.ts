import { ok, type Result } from "../../lib/result.ts";
import type { Pod } from "../../api/types.ts";
import { filterNode } from "./filter-node.ts";
import type { FilterVerdict } from "./filter-verdict.ts";
import type { NodeView } from "./node-view.ts";
import { decidePreemption, type Preemption, unavailableText } from "./preemption.ts";
import type { VolumePlan } from "./place-volumes.ts";
import { rankNodes } from "./score-node.ts";
import { NO_VOLUME_RULES, type VolumeRules } from "./volume-rules.ts";

export type Placement =
  | {
      readonly decision: "bind";
      readonly nodeName: string;
      /** What must be done for the pod's volumes first. */
      readonly volumes: VolumePlan;
    }
  | { readonly decision: "preempt"; readonly preemption: Preemption; readonly message: string }
  | { readonly decision: "unschedulable"; readonly message: string };

/**
 * Where a pod should run, or the text of its PodScheduled condition and FailedScheduling event.
 *
 * @param volumes what its volumes ask for, or why it can not have them
 */
export function decidePlacement(
  pod: Pod,
  views: readonly NodeView[],
  volumes: Result<VolumeRules> = ok(NO_VOLUME_RULES),
): Placement {
  if (views.length === 0) return { decision: "unschedulable", message: "no nodes available to schedule pods" };
  if (!volumes.ok) return { decision: "unschedulable", message: unresolvable(views.length, volumes.reason) };
  const verdicts = new Map<NodeView, FilterVerdict>(views.map((view) => [view, filterNode(pod, view, volumes.value)]));
  const fitting = views.filter((view) => verdicts.get(view)?.fits === true);
  const nominated = fitting.find(({ node }) => node.metadata?.name === pod.status?.nominatedNodeName);
  const best = nominated ?? rankNodes(pod, fitting)[0];
  if (best !== undefined) {
    const plan = volumes.value.planFor(best.node);
    return { decision: "bind", nodeName: best.node.metadata?.name ?? "", volumes: plan };
  }

  const reasons = new Map<string, number>();
  for (const verdict of verdicts.values()) {
    if (verdict.fits) continue;
    for (const reason of verdict.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const why = unavailableText(views.length, reasons);
  const preemption = decidePreemption(pod, views, verdicts, volumes.value);
  return preemption.decision === "preempt"
    ? { decision: "preempt", preemption: preemption.preemption, message: why }
    : { decision: "unschedulable", message: `${why} ${preemption.message}` };
}

/** What no node can help with. */
function unresolvable(nodes: number, why: string): string {
  const helpless = unavailableText(nodes, new Map([["Preemption is not helpful for scheduling", nodes]]));
  return `0/${nodes} nodes are available: ${why}. preemption: ${helpless}`;
}
