import { matchesLabels, type LabelOperator } from "../../api/label-selector.ts";
import type { Node, PodSpec } from "../../api/types.ts";

type NodeAffinity = NonNullable<NonNullable<PodSpec["affinity"]>["nodeAffinity"]>;
type NodeSelector = NonNullable<NodeAffinity["requiredDuringSchedulingIgnoredDuringExecution"]>;
type NodeSelectorTerm = NodeSelector["nodeSelectorTerms"][number];
type NodeSelectorRequirement = NonNullable<NodeSelectorTerm["matchExpressions"]>[number];

const OPERATORS: Readonly<Record<string, LabelOperator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
  Gt: "gt",
  Lt: "lt",
};

/** Whether one of the terms matches the node; a term without any requirement matches none. */
export function matchesNodeSelector(selector: NodeSelector, node: Node): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** Both nodeSelector and required node affinity of a pod. */
export function matchesRequiredNodeAffinity(spec: PodSpec, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  const selected = Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value);
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return selected && (required === undefined || matchesNodeSelector(required, node));
}

/** Sum of the weights of the preferred terms that match. */
export function preferredNodeAffinityWeight(spec: PodSpec, node: Node): number {
  const preferred = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return preferred
    .filter(({ preference }) => matchesTerm(preference, node))
    .reduce((sum, { weight }) => sum + weight, 0);
}

function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchesAll(matchExpressions, node.metadata?.labels ?? {}) &&
    matchesAll(matchFields, { "metadata.name": node.metadata?.name ?? "" })
  );
}

function matchesAll(
  requirements: readonly NodeSelectorRequirement[],
  values: Readonly<Record<string, string>>,
): boolean {
  return requirements.every(({ key, operator, values: wanted = [] }) => {
    const known = OPERATORS[operator];
    return known !== undefined && matchesLabels([{ key, operator: known, values: wanted }], values);
  });
}
