import type { Pod } from "../../api/types.ts";
import { filterNode } from "./filter-node.ts";
import type { FilterVerdict } from "./filter-verdict.ts";
import { type NodeView, viewNode } from "./node-view.ts";
import { NO_VOLUME_RULES, type VolumeRules } from "./volume-rules.ts";

export interface Preemption {
  readonly nodeName: string;
  /** Pods to delete, all of lower priority. Never empty. */
  readonly victims: readonly Pod[];
}

export type PreemptionVerdict =
  | { readonly decision: "preempt"; readonly preemption: Preemption }
  | { readonly decision: "no"; readonly message: string };

/**
 * Finds the node where deleting pods of lower priority costs least: lowest highest priority among the victims, then the
 * lowest sum of priorities, then the fewest victims, then those that started last.
 */
export function decidePreemption(
  pod: Pod,
  views: readonly NodeView[],
  verdicts: ReadonlyMap<NodeView, FilterVerdict>,
  volumes: VolumeRules = NO_VOLUME_RULES,
): PreemptionVerdict {
  if (pod.spec?.preemptionPolicy === "Never") {
    return { decision: "no", message: "preemption: not eligible due to preemptionPolicy=Never." };
  }
  const nominated = views.find(({ node }) => node.metadata?.name === pod.status?.nominatedNodeName);
  if (
    nominated?.pods.some((other) => isLower(other, pod) && other.metadata?.deletionTimestamp !== undefined) === true
  ) {
    return { decision: "no", message: "preemption: not eligible due to a terminating pod on the nominated node." };
  }
  const reasons = new Map<string, number>();
  const count = (reason: string): void => {
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  };
  const candidates: Preemption[] = [];
  for (const view of views) {
    const verdict = verdicts.get(view);
    if (verdict === undefined || verdict.fits) continue;
    if (!verdict.removingPodsMayHelp) {
      count("Preemption is not helpful for scheduling");
      continue;
    }
    const victims = victimsOn(pod, view, volumes);
    if (victims.length > 0) candidates.push({ nodeName: view.node.metadata?.name ?? "", victims });
    else count("No preemption victims found for incoming pod");
  }
  const [best] = candidates.sort(compareCandidates);
  return best === undefined
    ? { decision: "no", message: `preemption: ${unavailableText(views.length, reasons)}` }
    : { decision: "preempt", preemption: best };
}

/** "0/3 nodes are available: 1 Insufficient cpu, 2 Too many pods." */
export function unavailableText(nodes: number, reasons: ReadonlyMap<string, number>): string {
  const list = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort((a, b) => (a < b ? -1 : 1));
  return `0/${nodes} nodes are available:${list.length === 0 ? "" : ` ${list.join(", ")}.`}`;
}

export function priorityOf(pod: Pod): number {
  return pod.spec?.priority ?? 0;
}

/** Pods to delete so that the pod fits: as few and as unimportant as possible. Empty when it would not fit anyway. */
function victimsOn(pod: Pod, view: NodeView, volumes: VolumeRules): readonly Pod[] {
  const lower = view.pods.filter((other) => isLower(other, pod)).sort(mostImportantFirst);
  let kept = view.pods.filter((other) => !isLower(other, pod));
  if (lower.length === 0 || !filterNode(pod, viewNode(view.node, kept), volumes).fits) return [];
  const victims: Pod[] = [];
  for (const other of lower) {
    const withOther = [...kept, other];
    if (filterNode(pod, viewNode(view.node, withOther), volumes).fits) kept = withOther;
    else victims.push(other);
  }
  return victims;
}

function isLower(other: Pod, pod: Pod): boolean {
  return priorityOf(other) < priorityOf(pod);
}

function mostImportantFirst(a: Pod, b: Pod): number {
  return priorityOf(b) - priorityOf(a) || startOf(a) - startOf(b);
}

/** A pod that has not started is the newest. */
function startOf(pod: Pod): number {
  const start = pod.status?.startTime;
  return start === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(start);
}

function compareCandidates(a: Preemption, b: Preemption): number {
  const highest = ({ victims }: Preemption): number => Math.max(...victims.map(priorityOf));
  const sum = ({ victims }: Preemption): number => victims.reduce((total, pod) => total + priorityOf(pod) + 2 ** 31, 0);
  const earliest = ({ victims }: Preemption): number =>
    Math.min(...victims.filter((pod) => priorityOf(pod) === Math.max(...victims.map(priorityOf))).map(startOf));
  return (
    highest(a) - highest(b) ||
    sum(a) - sum(b) ||
    a.victims.length - b.victims.length ||
    earliest(b) - earliest(a) ||
    (a.nodeName < b.nodeName ? -1 : 1)
  );
}
