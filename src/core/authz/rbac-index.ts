import { failed, ok, type Result } from "../../lib/result.ts";
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from "../../api/types.ts";
import { serviceAccountUserName, type User } from "../../api/user.ts";
import type { Attributes, Decision } from "./attributes.ts";
import { joinedProblems, quoted } from "./quoted.ts";
import { ruleAllows } from "./rule-matching.ts";

/** A change of one RBAC object. Deletions need its namespace and name only. */
export type RbacObject =
  | { readonly kind: "ClusterRole"; readonly object: ClusterRole }
  | { readonly kind: "Role"; readonly object: Role }
  | { readonly kind: "ClusterRoleBinding"; readonly object: ClusterRoleBinding }
  | { readonly kind: "RoleBinding"; readonly object: RoleBinding };

/** Through which binding a subject holds a permission. */
export interface Grant {
  readonly bindingKind: "ClusterRoleBinding" | "RoleBinding";
  readonly bindingName: string;
  /** "" for ClusterRoleBindings. */
  readonly bindingNamespace: string;
  readonly roleRef: RoleRef;
  readonly subject: Subject;
}

/**
 * All RBAC objects, found by who they are for: a decision looks at the caller's own bindings and no others, however many
 * the cluster holds.
 *
 * Guarantees: the same answer as walking through all bindings; deterministic (bindings in order of their names).
 */
export interface RbacIndex {
  put(change: RbacObject): void;
  remove(change: RbacObject): void;
  /** "allow" or "no-opinion"; RBAC never denies. Bindings to missing roles are named in the reason and grant nothing. */
  decide(attributes: Attributes): Decision;
  /** Everything `user` holds cluster-wide and in `namespace` ("" for cluster-wide only), and what could not be resolved. */
  rulesFor(
    user: User,
    namespace: string,
  ): { readonly rules: readonly PolicyRule[]; readonly problems: readonly string[] };
  /** The rules behind a role reference as seen from a binding in `namespace`. */
  rulesOfRole(roleRef: Pick<RoleRef, "kind" | "name">, namespace: string): Result<readonly PolicyRule[]>;
  /** Every subject that may do this, with the binding it is through. Costs all bindings of the scope. */
  whoCan(attributes: Attributes): readonly Grant[];
}

interface Binding {
  readonly kind: "ClusterRoleBinding" | "RoleBinding";
  readonly namespace: string;
  readonly name: string;
  readonly roleRef: RoleRef;
  readonly subjects: readonly Subject[];
}

interface Held {
  readonly binding: Binding;
  /** Place in the binding's list of subjects, for the reason. */
  readonly subjectIndex: number;
}

/** Bindings of one scope (the cluster or a namespace). */
interface Scope {
  readonly byName: Map<string, Binding>;
  /** In order of compareHeld. */
  readonly bySubject: Map<string, Held[]>;
}

const userKey = (name: string): string => `u:${name}`;
const groupKey = (name: string): string => `g:${name}`;

/** undefined for subjects that match nobody. */
function subjectKey(subject: Subject, bindingNamespace: string): string | undefined {
  switch (subject.kind) {
    case "User":
      return userKey(subject.name);
    case "Group":
      return groupKey(subject.name);
    case "ServiceAccount": {
      const namespace = subject.namespace ?? "";
      const home = namespace === "" ? bindingNamespace : namespace;
      return home === "" ? undefined : userKey(serviceAccountUserName(home, subject.name));
    }
    default:
      return undefined;
  }
}

function keysOf(user: User): readonly string[] {
  return [userKey(user.name), ...user.groups.map(groupKey)];
}

function toBinding(change: Extract<RbacObject, { readonly kind: "ClusterRoleBinding" | "RoleBinding" }>): Binding {
  const { metadata, roleRef, subjects } = change.object;
  const namespace = change.kind === "RoleBinding" ? (metadata?.namespace ?? "") : "";
  return { kind: change.kind, namespace, name: metadata?.name ?? "", roleRef, subjects: subjects ?? [] };
}

function compareHeld(left: Held, right: Held): number {
  if (left.binding.name === right.binding.name) return left.subjectIndex - right.subjectIndex;
  return left.binding.name < right.binding.name ? -1 : 1;
}

/** Where `held` belongs in a sorted list, by halving. */
function placeIn(list: readonly Held[], held: Held): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = list[middle];
    if (there !== undefined && compareHeld(there, held) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(scope: Scope, binding: Binding): void {
  scope.byName.set(binding.name, binding);
  for (const [subjectIndex, subject] of binding.subjects.entries()) {
    const key = subjectKey(subject, binding.namespace);
    if (key === undefined) continue;
    const held = { binding, subjectIndex };
    const list = scope.bySubject.get(key) ?? [];
    list.splice(placeIn(list, held), 0, held);
    scope.bySubject.set(key, list);
  }
}

function withdraw(scope: Scope, name: string): void {
  const binding = scope.byName.get(name);
  if (binding === undefined) return;
  scope.byName.delete(name);
  for (const subject of binding.subjects) {
    const key = subjectKey(subject, binding.namespace);
    if (key === undefined) continue;
    const rest = (scope.bySubject.get(key) ?? []).filter((held) => held.binding !== binding);
    if (rest.length === 0) scope.bySubject.delete(key);
    else scope.bySubject.set(key, rest);
  }
}

function describeSubject(subject: Subject, bindingNamespace: string): string {
  if (subject.kind !== "ServiceAccount") return `${subject.kind} ${quoted(subject.name)}`;
  const namespace = subject.namespace ?? "";
  return `ServiceAccount ${quoted(`${subject.name}/${namespace === "" ? bindingNamespace : namespace}`)}`;
}

/** The words Kubernetes uses for where a permission comes from. */
export function describeGrant(grant: Grant): string {
  const { bindingKind, bindingName, bindingNamespace, roleRef, subject } = grant;
  const name = bindingKind === "RoleBinding" ? `${bindingName}/${bindingNamespace}` : bindingName;
  const to = describeSubject(subject, bindingNamespace);
  return `${bindingKind} ${quoted(name)} of ${roleRef.kind} ${quoted(roleRef.name)} to ${to}`;
}

function toGrant(binding: Binding, subject: Subject): Grant {
  const { kind, name, namespace, roleRef } = binding;
  return { bindingKind: kind, bindingName: name, bindingNamespace: namespace, roleRef, subject };
}

const NO_OPINION: Decision = { decision: "no-opinion", reason: "" };

export function createRbacIndex(): RbacIndex {
  const clusterRoles = new Map<string, readonly PolicyRule[]>();
  const roles = new Map<string, readonly PolicyRule[]>();
  const cluster: Scope = { byName: new Map(), bySubject: new Map() };
  const namespaces = new Map<string, Scope>();

  const roleKey = (namespace: string, name: string): string => `${namespace}/${name}`;

  const rulesOfRole: RbacIndex["rulesOfRole"] = (roleRef, namespace) => {
    switch (roleRef.kind) {
      case "ClusterRole": {
        const rules = clusterRoles.get(roleRef.name);
        return rules === undefined
          ? failed(`clusterrole.rbac.authorization.k8s.io ${quoted(roleRef.name)} not found`)
          : ok(rules);
      }
      case "Role": {
        const rules = roles.get(roleKey(namespace, roleRef.name));
        return rules === undefined
          ? failed(`role.rbac.authorization.k8s.io ${quoted(roleRef.name)} not found`)
          : ok(rules);
      }
      default:
        return failed(`unsupported role reference kind: ${quoted(roleRef.kind)}`);
    }
  };

  const scopesFor = (namespace: string): readonly Scope[] => {
    const own = namespace === "" ? undefined : namespaces.get(namespace);
    return own === undefined ? [cluster] : [cluster, own];
  };

  /** The bindings of a user in one scope, each once, with the first of its subjects that fits. */
  const heldBy = (scope: Scope, user: User): readonly Held[] => {
    const found = keysOf(user).flatMap((key) => scope.bySubject.get(key) ?? []);
    if (found.length < 2) return found;
    const seen = new Set<Binding>();
    return found.sort(compareHeld).filter(({ binding }) => !seen.has(binding) && seen.add(binding));
  };

  const decide = (attributes: Attributes): Decision => {
    const namespace = attributes.type === "resource" ? attributes.namespace : "";
    const problems: string[] = [];
    for (const scope of scopesFor(namespace)) {
      for (const { binding, subjectIndex } of heldBy(scope, attributes.user)) {
        const rules = rulesOfRole(binding.roleRef, binding.namespace);
        if (!rules.ok) {
          problems.push(rules.reason);
          continue;
        }
        const subject = binding.subjects[subjectIndex];
        if (subject === undefined || !rules.value.some((rule) => ruleAllows(rule, attributes))) continue;
        return { decision: "allow", reason: `RBAC: allowed by ${describeGrant(toGrant(binding, subject))}` };
      }
    }
    if (problems.length === 0) return NO_OPINION;
    return { decision: "no-opinion", reason: `RBAC: ${joinedProblems(problems)}` };
  };

  return {
    put(change) {
      const namespace = change.object.metadata?.namespace ?? "";
      const name = change.object.metadata?.name ?? "";
      switch (change.kind) {
        case "ClusterRole":
          clusterRoles.set(name, change.object.rules ?? []);
          return;
        case "Role":
          roles.set(roleKey(namespace, name), change.object.rules ?? []);
          return;
        case "ClusterRoleBinding":
          withdraw(cluster, name);
          insert(cluster, toBinding(change));
          return;
        case "RoleBinding": {
          const scope: Scope = namespaces.get(namespace) ?? { byName: new Map(), bySubject: new Map() };
          namespaces.set(namespace, scope);
          withdraw(scope, name);
          insert(scope, toBinding(change));
        }
      }
    },

    remove(change) {
      const namespace = change.object.metadata?.namespace ?? "";
      const name = change.object.metadata?.name ?? "";
      switch (change.kind) {
        case "ClusterRole":
          clusterRoles.delete(name);
          return;
        case "Role":
          roles.delete(roleKey(namespace, name));
          return;
        case "ClusterRoleBinding":
          withdraw(cluster, name);
          return;
        case "RoleBinding": {
          const scope = namespaces.get(namespace);
          if (scope === undefined) return;
          withdraw(scope, name);
          if (scope.byName.size === 0) namespaces.delete(namespace);
        }
      }
    },

    decide,
    rulesOfRole,

    rulesFor(user, namespace) {
      const rules: PolicyRule[] = [];
      const problems: string[] = [];
      for (const scope of scopesFor(namespace)) {
        for (const { binding } of heldBy(scope, user)) {
          const found = rulesOfRole(binding.roleRef, binding.namespace);
          if (found.ok) rules.push(...found.value);
          else problems.push(found.reason);
        }
      }
      return { rules, problems };
    },

    whoCan(attributes) {
      const grants: Grant[] = [];
      for (const scope of scopesFor(attributes.type === "resource" ? attributes.namespace : "")) {
        for (const binding of scope.byName.values()) {
          const rules = rulesOfRole(binding.roleRef, binding.namespace);
          if (!rules.ok || !rules.value.some((rule) => ruleAllows(rule, attributes))) continue;
          grants.push(...binding.subjects.map((subject) => toGrant(binding, subject)));
        }
      }
      return grants;
    },
  };
}
