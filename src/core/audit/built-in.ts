import { bootstrapPolicy } from "../authz/bootstrap/policy.ts";
import { coverage } from "../authz/rule-coverage.ts";
import type { PolicyRule } from "../../api/types.ts";
import type { Held } from "./bound-roles.ts";
import { type Principal, principalKey, principalOf } from "./principals.ts";

/** Groups whose members administer the cluster; there is nothing to find out about them. */
export const ADMINISTRATOR_GROUPS: readonly string[] = ["system:masters", "kubeadm:cluster-admins"];

/** Names API servers use towards kubelets: kubeadm and kube-up, k3s, Orlop. */
const API_SERVER_USERS: readonly string[] = [
  "kube-apiserver-kubelet-client",
  "kube-apiserver",
  "system:kube-apiserver",
  "system:apiserver",
];

export interface BuiltIn {
  /** Why the principal does not count; undefined when it does. */
  reasonFor(
    principal: Principal,
    through: readonly { readonly held: Held; readonly rule: PolicyRule }[],
  ): string | undefined;
}

/**
 * Tells what every cluster has from what somebody added. A standard binding counts as built in only as long as the rule
 * is one its standard role has: what was added to it is a finding.
 */
export function createBuiltIn(): BuiltIn {
  const standardRules = new Map<string, readonly PolicyRule[]>();
  const standardHolders = new Set<string>();
  for (const put of bootstrapPolicy({ fineGrained: true })) {
    const name = put.object.metadata?.name ?? "";
    if (put.kind === "ClusterRole" || put.kind === "Role") {
      standardRules.set(`${put.kind}/${put.object.metadata?.namespace ?? ""}/${name}`, put.object.rules ?? []);
      continue;
    }
    for (const subject of put.object.subjects ?? []) {
      const principal = principalOf(subject);
      if (principal === undefined) continue;
      const namespace = put.object.metadata?.namespace ?? "";
      standardHolders.add([put.kind, namespace, name, put.object.roleRef.name, principalKey(principal)].join("|"));
    }
  }
  const isStandard = (principal: Principal, held: Held, rule: PolicyRule): boolean => {
    const { binding, role } = held;
    const key = [binding.kind, binding.namespace, binding.name, role.name, principalKey(principal)].join("|");
    const rules = standardRules.get(`${role.kind}/${role.namespace}/${role.name}`);
    return standardHolders.has(key) && rules !== undefined && coverage(rules, [rule]).type === "covered";
  };
  return {
    reasonFor(principal, through) {
      if (principal.kind === "Group" && ADMINISTRATOR_GROUPS.includes(principal.name)) return "cluster administrators";
      if (through.length === 0) return undefined;
      if (through.every(({ held, rule }) => isStandard(principal, held, rule))) return "standard control plane";
      const isApiServer =
        principal.kind === "User" &&
        API_SERVER_USERS.includes(principal.name) &&
        through.every(({ held, rule }) => {
          const rules = standardRules.get("ClusterRole//system:kubelet-api-admin") ?? [];
          return held.role.name === "system:kubelet-api-admin" && coverage(rules, [rule]).type === "covered";
        });
      return isApiServer ? "the API server's own identity" : undefined;
    },
  };
}
