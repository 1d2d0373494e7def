import { SelectorError, selectsLabels } from "../../api/label-selector.ts";
import type { ClusterRole, LabelSelector, PolicyRule } from "../../api/types.ts";

/**
 * The rules an aggregated role should have: those of all roles its selectors match, selectors in order, roles by name,
 * without exact duplicates. Whatever was written into the role by hand is not kept.
 *
 * @returns undefined when the role does not aggregate
 */
export function aggregatedRules(role: ClusterRole, all: Iterable<ClusterRole>): readonly PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? [];
  if (selectors.length === 0) return undefined;
  const others = [...all].filter((other) => other.metadata?.name !== role.metadata?.name).sort(byName);
  const rules = new Map<string, PolicyRule>();
  for (const selector of selectors) {
    for (const other of others) {
      if (!selects(selector, other.metadata?.labels ?? {})) continue;
      for (const rule of other.rules ?? []) {
        const key = identity(rule);
        if (!rules.has(key)) rules.set(key, rule);
      }
    }
  }
  return [...rules.values()];
}

/** Whether two lists say the same, in the same order; absent lists equal empty ones. */
export function sameRules(left: readonly PolicyRule[], right: readonly PolicyRule[]): boolean {
  return left.length === right.length && left.every((rule, place) => sameAt(right, place, rule));
}

function sameAt(rules: readonly PolicyRule[], place: number, rule: PolicyRule): boolean {
  const other = rules[place];
  return other !== undefined && identity(other) === identity(rule);
}

function identity({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string {
  return JSON.stringify([verbs, apiGroups ?? [], resources ?? [], resourceNames ?? [], nonResourceURLs ?? []]);
}

function byName(left: ClusterRole, right: ClusterRole): number {
  const [a, b] = [left.metadata?.name ?? "", right.metadata?.name ?? ""];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** An empty selector selects everything, one that can not be read nothing. */
function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  try {
    return selectsLabels(selector, labels);
  } catch (reason) {
    if (reason instanceof SelectorError) return false;
    throw reason;
  }
}
