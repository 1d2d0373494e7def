import type { ClusterRole, PolicyRule, Role, RoleRef } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import { joinedProblems, quoted, quotedList } from "./quoted.ts";
import type { RbacIndex } from "./rbac-index.ts";
import { coverage, describeRule } from "./rule-coverage.ts";

/** Members may do anything; the API server's own components are the only ones that should be. */
export const PRIVILEGED_GROUP = "system:masters";

export const RBAC_GROUP = "rbac.authorization.k8s.io";

export type EscalationVerdict =
  | { readonly type: "allowed" }
  /** The text that follows `… is forbidden: `. */
  | { readonly type: "refused"; readonly message: string }
  /** The role referred to does not exist (in that namespace). */
  | { readonly type: "role-missing"; readonly resource: "clusterroles" | "roles"; readonly name: string };

const ALLOWED: EscalationVerdict = { type: "allowed" };

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

/** Whether `user` already holds everything in `rules` in this namespace ("" for cluster-wide). */
export function confirmNoEscalation(
  index: RbacIndex,
  user: User,
  namespace: string,
  rules: readonly PolicyRule[],
): EscalationVerdict {
  const owned = index.rulesFor(user, namespace);
  const covered = coverage(owned.rules, rules);
  if (covered.type === "covered") return ALLOWED;
  const who = `user ${quoted(user.name)} (groups=${quotedList(user.groups)})`;
  if (covered.type === "too-large") {
    return {
      type: "refused",
      message: `${who} is attempting to grant ${covered.atoms} single permissions at once, too many to compare; split the role`,
    };
  }
  const lines = [...new Set(covered.rules.map(describeRule))].sort();
  const problems = owned.problems.length === 0 ? "" : `; resolution errors: [${joinedProblems(owned.problems)}]`;
  return {
    type: "refused",
    message: `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join("\n")}${problems}`,
  };
}

function aggregates(role: ClusterRole | Role | undefined): boolean {
  if (role === undefined || !("aggregationRule" in role)) return false;
  return (role.aggregationRule?.clusterRoleSelectors ?? []).length > 0;
}

/**
 * May `user`, who was not given the verb "escalate", write this role? `old` is what it replaces.
 * See the RBAC documentation, "Privilege escalation prevention and bootstrapping".
 */
export function mayWriteRole(
  index: RbacIndex,
  user: User,
  namespace: string,
  role: ClusterRole | Role,
  old?: ClusterRole | Role,
): EscalationVerdict {
  const verdict = confirmNoEscalation(index, user, namespace, role.rules ?? []);
  if (verdict.type !== "allowed" || !(aggregates(role) || aggregates(old))) return verdict;
  return confirmNoEscalation(index, user, namespace, EVERYTHING).type === "allowed"
    ? ALLOWED
    : { type: "refused", message: "must have cluster-admin privileges to use the aggregationRule" };
}

/** May `user`, who was not given the verb "bind" on that role, bind it in this namespace ("" for cluster-wide)? */
export function mayBind(index: RbacIndex, user: User, namespace: string, roleRef: RoleRef): EscalationVerdict {
  const rules = index.rulesOfRole(roleRef, namespace);
  if (rules.ok) return confirmNoEscalation(index, user, namespace, rules.value);
  return {
    type: "role-missing",
    resource: roleRef.kind === "Role" ? "roles" : "clusterroles",
    name: roleRef.name,
  };
}
