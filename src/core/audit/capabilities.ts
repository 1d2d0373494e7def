import type { PolicyRule } from "../../api/types.ts";
import type { EffectiveRole, EffectiveRule } from "./effective-roles.ts";

/** Rights that lead to other identities or other rights. */
export type CapabilityKind =
  | "escalate"
  | "change-cluster-roles"
  | "create-cluster-roles"
  | "bind"
  | "write-cluster-role-bindings"
  | "impersonate-users"
  | "impersonate-groups"
  | "impersonate-service-accounts"
  | "create-tokens"
  | "create-pods"
  | "create-workloads"
  | "change-workloads"
  | "exec-pods"
  | "create-secrets"
  | "read-secrets";

export interface Capability {
  readonly kind: CapabilityKind;
  readonly source: EffectiveRule;
  /** By resourceNames; undefined for any. */
  readonly names: readonly string[] | undefined;
}

interface Definition {
  readonly kind: CapabilityKind;
  readonly verbs: readonly string[];
  readonly group: string;
  readonly resources: readonly string[];
  /** A create names no object, so a rule with resourceNames never covers it. */
  readonly ignoresNamed?: boolean;
}

const RBAC = "rbac.authorization.k8s.io";

const DEFINITIONS: readonly Definition[] = [
  { kind: "escalate", verbs: ["escalate"], group: RBAC, resources: ["clusterroles"] },
  { kind: "change-cluster-roles", verbs: ["update", "patch"], group: RBAC, resources: ["clusterroles"] },
  { kind: "create-cluster-roles", verbs: ["create"], group: RBAC, resources: ["clusterroles"], ignoresNamed: true },
  { kind: "bind", verbs: ["bind"], group: RBAC, resources: ["clusterroles"] },
  {
    kind: "write-cluster-role-bindings",
    verbs: ["create"],
    group: RBAC,
    resources: ["clusterrolebindings"],
    ignoresNamed: true,
  },
  { kind: "write-cluster-role-bindings", verbs: ["update", "patch"], group: RBAC, resources: ["clusterrolebindings"] },
  { kind: "impersonate-users", verbs: ["impersonate"], group: "", resources: ["users"] },
  { kind: "impersonate-groups", verbs: ["impersonate"], group: "", resources: ["groups"] },
  { kind: "impersonate-service-accounts", verbs: ["impersonate"], group: "", resources: ["serviceaccounts"] },
  { kind: "create-tokens", verbs: ["create"], group: "", resources: ["serviceaccounts/token"] },
  { kind: "create-pods", verbs: ["create"], group: "", resources: ["pods"], ignoresNamed: true },
  { kind: "create-workloads", verbs: ["create"], group: "", resources: ["replicationcontrollers"], ignoresNamed: true },
  {
    kind: "create-workloads",
    verbs: ["create"],
    group: "apps",
    resources: ["deployments", "daemonsets", "statefulsets", "replicasets"],
    ignoresNamed: true,
  },
  { kind: "create-workloads", verbs: ["create"], group: "batch", resources: ["jobs", "cronjobs"], ignoresNamed: true },
  {
    kind: "change-workloads",
    verbs: ["update", "patch"],
    group: "apps",
    resources: ["deployments", "daemonsets", "statefulsets", "replicasets"],
  },
  { kind: "change-workloads", verbs: ["update", "patch"], group: "batch", resources: ["cronjobs"] },
  { kind: "exec-pods", verbs: ["create"], group: "", resources: ["pods/exec", "pods/attach"] },
  { kind: "exec-pods", verbs: ["update", "patch"], group: "", resources: ["pods/ephemeralcontainers"] },
  { kind: "create-secrets", verbs: ["create"], group: "", resources: ["secrets"], ignoresNamed: true },
  { kind: "read-secrets", verbs: ["get", "list", "watch"], group: "", resources: ["secrets"] },
];

/** Everything in a role that can lead further. */
export function capabilitiesOf(role: EffectiveRole): readonly Capability[] {
  return role.rules.flatMap((source) => {
    const { resourceNames = [] } = source.rule;
    return DEFINITIONS.flatMap((definition): readonly Capability[] => {
      if (!grants(source.rule, definition)) return [];
      if (resourceNames.length === 0) return [{ kind: definition.kind, source, names: undefined }];
      return definition.ignoresNamed === true ? [] : [{ kind: definition.kind, source, names: resourceNames }];
    });
  });
}

function grants({ verbs, apiGroups = [], resources = [] }: PolicyRule, wanted: Definition): boolean {
  return (
    (verbs.includes("*") || wanted.verbs.some((verb) => verbs.includes(verb))) &&
    (apiGroups.includes("*") || apiGroups.includes(wanted.group)) &&
    wanted.resources.some((resource) => covers(resources, resource))
  );
}

function covers(named: readonly string[], resource: string): boolean {
  if (named.includes("*") || named.includes(resource)) return true;
  const slash = resource.indexOf("/");
  return slash > 0 && named.includes(`*${resource.slice(slash)}`);
}
