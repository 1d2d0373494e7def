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

/** An empty selector selects everything; an expression with an unknown operator selects nothing. */
function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const exact = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  if (!exact) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key];
    switch (operator) {
      case "In":
        return value !== undefined && values.includes(value);
      case "NotIn":
        return value === undefined || !values.includes(value);
      case "Exists":
        return value !== undefined;
      case "DoesNotExist":
        return value === undefined;
      default:
        return false;
    }
  });
}
