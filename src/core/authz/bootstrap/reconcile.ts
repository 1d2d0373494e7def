import type { ClusterRole, LabelSelector, ObjectMeta, PolicyRule, Subject } from "../../../api/types.ts";
import type { RbacObject } from "../rbac-index.ts";
import { coverage } from "../rule-coverage.ts";
import { AUTO_UPDATE } from "./policy.ts";

/** What to do with one default object so that the cluster has it. */
export type ReconcileStep =
  | { readonly do: "nothing" }
  | { readonly do: "create"; readonly wanted: RbacObject }
  | { readonly do: "update"; readonly wanted: RbacObject }
  /** A binding's role can not be changed: delete it and create this one. */
  | { readonly do: "recreate"; readonly wanted: RbacObject }
  /** The object lacks something, but its owner forbade changes. */
  | { readonly do: "leave-protected"; readonly wanted: RbacObject };

const NOTHING = { do: "nothing" } as const;

/**
 * Compares a default object with the live one. Only ever adds: labels, annotations, rules, subjects and selectors the
 * owner put there stay, and labels and annotations of the live object win. The one thing taken away is an aggregation
 * rule on a role that has none by default, because it would overwrite the rules.
 */
export function reconcileStep(expected: RbacObject, live: RbacObject | undefined): ReconcileStep {
  if (live === undefined) return { do: "create", wanted: expected };
  const step = difference(expected, live);
  if (step.do === "nothing" || live.object.metadata?.annotations?.[AUTO_UPDATE] !== "false") return step;
  return { do: "leave-protected", wanted: step.wanted };
}

type Difference = Extract<ReconcileStep, { readonly do: "nothing" | "update" | "recreate" }>;

function difference(expected: RbacObject, live: RbacObject): Difference {
  const metadata = mergedMetadata(expected.object.metadata ?? {}, live.object.metadata ?? {});
  if (expected.kind === "ClusterRole" && live.kind === "ClusterRole") {
    const completed = completedRole(expected.object, live.object);
    if (completed === live.object && metadata.metadata === undefined) return NOTHING;
    return { do: "update", wanted: { kind: "ClusterRole", object: { ...completed, ...metadata } } };
  }
  if (expected.kind === "Role" && live.kind === "Role") {
    const changes = { ...missingRules(expected.object.rules, live.object.rules), ...metadata };
    if (Object.keys(changes).length === 0) return NOTHING;
    return { do: "update", wanted: { kind: "Role", object: { ...live.object, ...changes } } };
  }
  if (expected.kind === "ClusterRoleBinding" && live.kind === "ClusterRoleBinding") {
    if (otherRole(expected.object, live.object)) return { do: "recreate", wanted: expected };
    const changes = { ...missingSubjects(expected.object.subjects, live.object.subjects), ...metadata };
    if (Object.keys(changes).length === 0) return NOTHING;
    return { do: "update", wanted: { kind: "ClusterRoleBinding", object: { ...live.object, ...changes } } };
  }
  if (expected.kind === "RoleBinding" && live.kind === "RoleBinding") {
    if (otherRole(expected.object, live.object)) return { do: "recreate", wanted: expected };
    const changes = { ...missingSubjects(expected.object.subjects, live.object.subjects), ...metadata };
    if (Object.keys(changes).length === 0) return NOTHING;
    return { do: "update", wanted: { kind: "RoleBinding", object: { ...live.object, ...changes } } };
  }
  throw new TypeError(`cannot compare a ${expected.kind} with a ${live.kind}`);
}

function mergedMetadata(expected: ObjectMeta, live: ObjectMeta): { readonly metadata?: ObjectMeta } {
  const lacks = (wanted: ObjectMeta["labels"], has: ObjectMeta["labels"]): boolean =>
    Object.keys(wanted ?? {}).some((key) => !Object.hasOwn(has ?? {}, key));
  if (!lacks(expected.labels, live.labels) && !lacks(expected.annotations, live.annotations)) return {};
  return {
    metadata: {
      ...live,
      labels: { ...expected.labels, ...live.labels },
      annotations: { ...expected.annotations, ...live.annotations },
    },
  };
}

/** The live role with what it lacks, the same object when it lacks nothing. */
function completedRole(expected: ClusterRole, live: ClusterRole): ClusterRole {
  const wanted = expected.aggregationRule?.clusterRoleSelectors;
  if (wanted === undefined) {
    const { aggregationRule, ...plain } = live;
    const missing = missingRules(expected.rules, live.rules);
    if (aggregationRule !== undefined) return { ...plain, ...missing };
    return missing.rules === undefined ? live : { ...live, ...missing };
  }
  const has = live.aggregationRule?.clusterRoleSelectors ?? [];
  const known = new Set(has.map(selectorIdentity));
  const missing = wanted.filter((selector) => !known.has(selectorIdentity(selector)));
  return missing.length === 0 ? live : { ...live, aggregationRule: { clusterRoleSelectors: [...has, ...missing] } };
}

function selectorIdentity({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.entries(matchLabels).sort(([left], [right]) => (left < right ? -1 : 1));
  return JSON.stringify([labels, matchExpressions.map(({ key, operator, values = [] }) => [key, operator, values])]);
}

function missingRules(
  expected: readonly PolicyRule[] | undefined,
  live: readonly PolicyRule[] | undefined,
): { readonly rules?: readonly PolicyRule[] } {
  const covered = coverage(live ?? [], expected ?? []);
  switch (covered.type) {
    case "covered":
      return {};
    case "missing":
      return { rules: [...(live ?? []), ...covered.rules] };
    case "too-large":
      throw new RangeError(`default role with ${covered.atoms} single permissions`);
  }
}

function otherRole(
  expected: { readonly roleRef: { readonly kind: string; readonly name: string } },
  live: { readonly roleRef: { readonly kind: string; readonly name: string } },
): boolean {
  return expected.roleRef.kind !== live.roleRef.kind || expected.roleRef.name !== live.roleRef.name;
}

function subjectIdentity({ kind, namespace = "", name }: Subject): string {
  return JSON.stringify([kind, namespace, name]);
}

function missingSubjects(
  expected: readonly Subject[] | undefined,
  live: readonly Subject[] | undefined,
): { readonly subjects?: readonly Subject[] } {
  const known = new Set((live ?? []).map(subjectIdentity));
  const missing = (expected ?? []).filter((subject) => !known.has(subjectIdentity(subject)));
  return missing.length === 0 ? {} : { subjects: [...(live ?? []), ...missing] };
}
