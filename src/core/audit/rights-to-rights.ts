import type { BoundRoles, HeldBy } from "./bound-roles.ts";
import type { EffectiveRole, EffectiveRoles } from "./effective-roles.ts";
import { covering, type HeldCapabilities, type HeldCapability, isFree } from "./held-capabilities.ts";
import type { IndirectWay } from "./indirect-way.ts";
import { nodeGrantsOf, runsCommandsUpstream } from "./node-grants.ts";

/** A way to hold whatever one likes in a namespace, without a target yet. */
export interface NamespaceRights {
  readonly namespace: string;
  readonly method: "bind-in-namespace" | "escalate-in-namespace";
  readonly role: string;
  readonly capabilities: readonly HeldCapability[];
}

/** Escalation prevention (the verbs escalate and bind) and how it is got around. */
export interface RightsToRights {
  /** Rights on kubelets themselves. */
  ofCluster(held: readonly HeldBy[], capabilities: HeldCapabilities): readonly IndirectWay[];
  /** Rights that take over ServiceAccounts; the namespace "" stands for all of them. */
  inNamespaces(held: readonly HeldBy[], capabilities: HeldCapabilities): readonly NamespaceRights[];
}

export function createRightsToRights(
  bound: BoundRoles,
  roles: EffectiveRoles,
  /** Whether a role, bound in a namespace, lets its holder take over ServiceAccounts there. */
  takesOverAccounts: (role: EffectiveRole) => boolean,
): RightsToRights {
  const runsCommands = (role: EffectiveRole): boolean =>
    role.kind === "ClusterRole" && nodeGrantsOf(role).some(runsCommandsUpstream);
  const anyRunningCommands = firstOf(["cluster-admin", "system:kubelet-api-admin"], runsCommands);
  const anyTakingOver = firstOf(["cluster-admin", "admin", "edit"], takesOverAccounts);

  /** What to bind when any role may be bound: a well-known one before one nobody has heard of. */
  function firstOf(names: readonly string[], suits: (role: EffectiveRole) => boolean): EffectiveRole | undefined {
    const known = names.flatMap((name) => roles.find({ kind: "ClusterRole", name }, "") ?? []).find(suits);
    return known ?? roles.all.find((role) => role.kind === "ClusterRole" && suits(role));
  }

  const clusterRolesOf = ({ capability }: HeldCapability): readonly EffectiveRole[] =>
    capability.names?.flatMap((name) => roles.find({ kind: "ClusterRole", name }, "") ?? []) ?? [];

  /** By namespace. */
  const namespacedRoles = new Map<string, EffectiveRole[]>();
  for (const role of roles.all) {
    if (role.kind !== "Role") continue;
    const list = namespacedRoles.get(role.namespace) ?? [];
    list.push(role);
    namespacedRoles.set(role.namespace, list);
  }

  /** A ClusterRole that is no use yet, but may be changed until it is, and bound then. */
  const changedFirst = (bind: HeldCapability, capabilities: HeldCapabilities): ReturnType<typeof changing> =>
    changing(
      clusterRolesOf(bind),
      capabilities.in("", "escalate-cluster-roles"),
      capabilities.in("", "change-cluster-roles"),
    );

  /** roleRef can not be changed, so a named binding helps only when it is one to that role. */
  const usableFor = (write: readonly HeldCapability[], role: EffectiveRole): HeldCapability | undefined => {
    const names = bound.bindingsOf(role).flatMap(({ kind, name }) => (kind === "ClusterRoleBinding" ? [name] : []));
    return covering(write, ...names);
  };

  const binding = (capabilities: HeldCapabilities): IndirectWay | undefined => {
    const write = capabilities.in("", "write-cluster-role-bindings");
    for (const bind of capabilities.in("", "bind-cluster-roles")) {
      const ready = isFree(bind) ? anyRunningCommands : clusterRolesOf(bind).find(runsCommands);
      const chosen = ready === undefined ? changedFirst(bind, capabilities) : { role: ready, capabilities: [] };
      const usable = chosen === undefined ? undefined : usableFor(write, chosen.role);
      if (chosen === undefined || usable === undefined) continue;
      const { role, capabilities: change } = chosen;
      return { method: "bind", role: `ClusterRole ${role.name}`, capabilities: [...change, bind, usable] };
    }
    return undefined;
  };

  const bindingClusterRoleIn = (namespace: string, capabilities: HeldCapabilities): NamespaceRights | undefined => {
    const [write] = capabilities.in(namespace, "write-role-bindings");
    if (write === undefined) return undefined;
    for (const bind of capabilities.in(namespace, "bind-cluster-roles")) {
      const ready = isFree(bind) ? anyTakingOver : clusterRolesOf(bind).find(takesOverAccounts);
      const chosen = ready === undefined ? changedFirst(bind, capabilities) : { role: ready, capabilities: [] };
      if (chosen === undefined) continue;
      return bindsIn(namespace, chosen.role, [...chosen.capabilities, bind, write]);
    }
    return undefined;
  };

  /** Roles are of one namespace: the one that is bound must be there, or be made or changed there. */
  const bindingRoleIn = (namespace: string, capabilities: HeldCapabilities): NamespaceRights | undefined => {
    const [write] = capabilities.in(namespace, "write-role-bindings");
    if (write === undefined) return undefined;
    const escalate = capabilities.in(namespace, "escalate-roles");
    const [create] = capabilities.in(namespace, "create-roles");
    const escalateAny = escalate.find(isFree);
    for (const bind of capabilities.in(namespace, "bind-roles")) {
      const here = (namespacedRoles.get(namespace) ?? []).filter(({ name }) => covering([bind], name) !== undefined);
      const ready = here.find(takesOverAccounts);
      if (ready !== undefined) return bindsIn(namespace, ready, [bind, write]);
      const changed = changing(here, escalate, capabilities.in(namespace, "change-roles"));
      if (changed !== undefined) return bindsIn(namespace, changed.role, [...changed.capabilities, bind, write]);
      if (create !== undefined && escalateAny !== undefined && isFree(bind)) {
        return bindsIn(namespace, { kind: "Role", name: "of one's own making" }, [escalateAny, create, bind, write]);
      }
    }
    return undefined;
  };

  const worthBinding = [...namespacedRoles].flatMap(([namespace, roles]) =>
    roles.some(takesOverAccounts) ? namespace : [],
  );

  /** Where somebody gets on by Roles alone who has no capability of that namespace: few, of thousands there may be. */
  const otherNamespaces = (capabilities: HeldCapabilities): Iterable<string> => {
    if (capabilities.in("", "bind-roles").length === 0) return [];
    // Whoever may bind in all namespaces needs no Role of a certain one.
    if ((bindingClusterRoleIn("", capabilities) ?? bindingRoleIn("", capabilities)) !== undefined) return [];
    const changes = capabilities.in("", "escalate-roles").length > 0 && capabilities.in("", "change-roles").length > 0;
    return changes ? namespacedRoles.keys() : worthBinding;
  };

  return {
    ofCluster(held, capabilities) {
      const escalate = capabilities.in("", "escalate-cluster-roles");
      const own = held.filter(({ held: { binding } }) => binding.namespace === "").map(({ held: { role } }) => role);
      const change = changing(own, escalate, capabilities.in("", "change-cluster-roles"));
      const collector = own.find(({ aggregates }) => aggregates);
      const [create] = capabilities.in("", "create-cluster-roles");
      const escalateAny = escalate.find(isFree);
      const bind = binding(capabilities);
      return [
        ...(change === undefined
          ? []
          : [
              {
                method: "escalate",
                role: `ClusterRole ${change.role.name}`,
                capabilities: change.capabilities,
              } as const,
            ]),
        ...(collector === undefined || create === undefined || escalateAny === undefined
          ? []
          : [
              {
                method: "escalate-by-aggregation",
                role: `ClusterRole ${collector.name}`,
                capabilities: [escalateAny, create],
              } as const,
            ]),
        ...(bind === undefined ? [] : [bind]),
      ];
    },

    inNamespaces(held, capabilities) {
      const own = rolesByNamespace(held);
      const everywhere = otherNamespaces(capabilities);
      return [...new Set(["", ...capabilities.namespaces, ...everywhere])].flatMap(
        (namespace): readonly NamespaceRights[] => {
          const here = namespace === "" ? [] : (own.get(namespace) ?? []);
          const change =
            changing(
              here.filter(({ kind }) => kind === "Role"),
              capabilities.in(namespace, "escalate-roles"),
              capabilities.in(namespace, "change-roles"),
            ) ??
            changing(
              here.filter(({ kind }) => kind === "ClusterRole"),
              capabilities.in("", "escalate-cluster-roles"),
              capabilities.in("", "change-cluster-roles"),
            );
          const bind = bindingClusterRoleIn(namespace, capabilities) ?? bindingRoleIn(namespace, capabilities);
          return [
            ...(change === undefined
              ? []
              : [
                  {
                    namespace,
                    method: "escalate-in-namespace" as const,
                    role: `${change.role.kind} ${change.role.name}`,
                    capabilities: change.capabilities,
                  },
                ]),
            ...(bind === undefined ? [] : [bind]),
          ];
        },
      );
    },
  };
}

function bindsIn(
  namespace: string,
  { kind, name }: Pick<EffectiveRole, "kind" | "name">,
  capabilities: readonly HeldCapability[],
): NamespaceRights {
  return { namespace, method: "bind-in-namespace", role: `${kind} ${name}`, capabilities };
}

function rolesByNamespace(held: readonly HeldBy[]): ReadonlyMap<string, readonly EffectiveRole[]> {
  const found = new Map<string, EffectiveRole[]>();
  for (const { held: one } of held) {
    const list = found.get(one.binding.namespace) ?? [];
    list.push(one.role);
    found.set(one.binding.namespace, list);
  }
  return found;
}

/** A role that is held and may be changed beyond what its changer holds. */
function changing(
  own: readonly EffectiveRole[],
  escalate: readonly HeldCapability[],
  change: readonly HeldCapability[],
): { readonly role: EffectiveRole; readonly capabilities: readonly HeldCapability[] } | undefined {
  for (const role of own) {
    const [first, second] = [covering(escalate, role.name), covering(change, role.name)];
    if (first !== undefined && second !== undefined) return { role, capabilities: [first, second] };
  }
  return undefined;
}
