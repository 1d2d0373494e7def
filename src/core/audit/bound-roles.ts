import type { ClusterRoleBinding, RoleBinding } from "../../api/types.ts";
import type { EffectiveRole, EffectiveRoles } from "./effective-roles.ts";
import type { AuditInput } from "./input.ts";
import type { Located, Origin } from "./origin.ts";
import { type Principal, impliedGroups, principalKey, principalOf } from "./principals.ts";
import { serviceAccountUserName } from "../../api/user.ts";

/** A role somebody holds, and through what. */
export interface Held {
  readonly role: EffectiveRole;
  readonly binding: {
    readonly kind: "ClusterRoleBinding" | "RoleBinding";
    /** "" for ClusterRoleBindings. */
    readonly namespace: string;
    readonly name: string;
    readonly origin: Origin;
  };
}

/** A role held by a principal itself, or by a group it is in. */
export interface HeldBy {
  readonly held: Held;
  /** The group; undefined for the principal's own. */
  readonly group: string | undefined;
}

export interface MissingRole {
  readonly binding: string;
  readonly role: string;
  readonly origin: Origin;
}

export interface BoundRoles {
  /** Everybody a binding names, and every ServiceAccount that is known. */
  readonly principals: readonly Principal[];
  readonly missing: readonly MissingRole[];
  /** Own and by implied groups. */
  heldBy(principal: Principal): readonly HeldBy[];
  /** Names of bindings to a role, for roles that are looked at from their side. */
  bindingsOf(role: EffectiveRole): readonly Held["binding"][];
}

const NOTHING: readonly Held[] = [];

/** Who holds which role. */
export function boundRoles(input: AuditInput, roles: EffectiveRoles): BoundRoles {
  const held = new Map<string, Held[]>();
  const principals = new Map<string, Principal>();
  const missing: MissingRole[] = [];
  const bindings = new Map<EffectiveRole, Held["binding"][]>();

  const put = (
    kind: Held["binding"]["kind"],
    { object, origin }: Located<ClusterRoleBinding> | Located<RoleBinding>,
  ): void => {
    const namespace = kind === "RoleBinding" ? (object.metadata?.namespace ?? "") : "";
    const name = object.metadata?.name ?? "";
    const { roleRef, subjects = [] } = object;
    const role =
      kind === "ClusterRoleBinding" && roleRef.kind !== "ClusterRole" ? undefined : roles.find(roleRef, namespace);
    if (role === undefined) {
      missing.push({
        binding: `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`,
        role: `${roleRef.kind} ${roleRef.name}`,
        origin,
      });
    }
    const binding = { kind, namespace, name, origin };
    if (role !== undefined) {
      const known = bindings.get(role) ?? [];
      known.push(binding);
      bindings.set(role, known);
    }
    for (const subject of subjects) {
      const principal = principalOf(subject);
      if (principal === undefined) continue;
      const key = principalKey(principal);
      if (!principals.has(key)) principals.set(key, principal);
      if (role === undefined) continue;
      const list = held.get(key) ?? [];
      list.push({ role, binding });
      held.set(key, list);
    }
  };
  for (const found of input.clusterRoleBindings) put("ClusterRoleBinding", found);
  for (const found of input.roleBindings) put("RoleBinding", found);

  const addAccount = (namespace: string, name: string): void => {
    const principal: Principal = { kind: "ServiceAccount", name: serviceAccountUserName(namespace, name) };
    const key = principalKey(principal);
    if (!principals.has(key)) principals.set(key, principal);
  };
  for (const { namespace, name } of input.serviceAccounts) addAccount(namespace, name);
  for (const { namespace, serviceAccount } of input.workloads) addAccount(namespace, serviceAccount);

  return {
    principals: [...principals.values()],
    missing,
    heldBy(principal) {
      const own = held.get(principalKey(principal)) ?? NOTHING;
      const found: HeldBy[] = own.map((one) => ({ held: one, group: undefined }));
      for (const group of impliedGroups(principal)) {
        for (const one of held.get(`g:${group}`) ?? NOTHING) found.push({ held: one, group });
      }
      return found;
    },
    bindingsOf: (role) => bindings.get(role) ?? [],
  };
}
