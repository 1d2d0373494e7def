import { type Quantity, ZERO_QUANTITY } from "../../lib/quantity.ts";
import type { Pod } from "../../api/types.ts";
import { preferredNodeAffinityWeight } from "./node-affinity.ts";
import { type NodeView, requestsOf } from "./node-view.ts";
import { untoleratedTaint } from "./taints.ts";

/** What a container that asks for nothing is taken to need, so that such pods spread too. */
const UNASKED: ReadonlyMap<string, Quantity> = new Map([
  ["cpu", { nanos: 100_000_000n, format: "decimal" }],
  ["memory", { nanos: 200n * 1_048_576n * 1_000_000_000n, format: "binary" }],
]);

/**
 * Orders the nodes a pod fits by how good they are, best first; equal ones by name. Weighs as upstream does: avoided
 * taints 3, preferred affinity 2, free resources 1, balance of resources 1.
 */
export function rankNodes(pod: Pod, views: readonly NodeView[]): readonly NodeView[] {
  const avoided = views.map(({ node }) => avoidedTaints(pod, node.spec?.taints));
  const wanted = views.map(({ node }) => (pod.spec === undefined ? 0 : preferredNodeAffinityWeight(pod.spec, node)));
  const mostAvoided = Math.max(0, ...avoided);
  const mostWanted = Math.max(0, ...wanted);
  return views
    .map((view, at) => {
      const shares = usedShares(pod, view);
      const free = shares.reduce((sum, share) => sum + Math.max(0, 1 - share), 0) / Math.max(1, shares.length);
      const [cpu = 0, memory = 0] = shares;
      const score =
        3 * (mostAvoided === 0 ? 1 : 1 - (avoided[at] ?? 0) / mostAvoided) +
        2 * (mostWanted === 0 ? 0 : (wanted[at] ?? 0) / mostWanted) +
        free +
        (1 - Math.min(1, Math.abs(cpu - memory) / 2));
      return { view, score };
    })
    .sort((a, b) => b.score - a.score || (nameOf(a.view) < nameOf(b.view) ? -1 : 1))
    .map(({ view }) => view);
}

function nameOf({ node }: NodeView): string {
  return node.metadata?.name ?? "";
}

function avoidedTaints(pod: Pod, taints: NonNullable<NodeView["node"]["spec"]>["taints"]): number {
  return (taints ?? []).filter(
    (taint) => untoleratedTaint([taint], pod.spec?.tolerations, ["PreferNoSchedule"]) !== undefined,
  ).length;
}

/** Share of the node's CPU and memory in use with the pod on it. */
function usedShares(pod: Pod, view: NodeView): readonly number[] {
  const own = requestsOf(pod);
  return ["cpu", "memory"].map((name) => {
    const all = Number((view.allocatable.get(name) ?? ZERO_QUANTITY).nanos);
    if (all === 0) return 1;
    const asked = own.get(name)?.nanos ?? 0n;
    const counted = asked === 0n ? (UNASKED.get(name)?.nanos ?? 0n) : asked;
    return Number((view.requested.get(name)?.nanos ?? 0n) + counted) / all;
  });
}
