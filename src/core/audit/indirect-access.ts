import type { BoundRoles, HeldBy } from "./bound-roles.ts";
import { type Capability, type CapabilityKind, capabilitiesOf } from "./capabilities.ts";
import type { EffectiveRole, EffectiveRoles } from "./effective-roles.ts";
import { nodeGrantsOf, runsCommandsUpstream } from "./node-grants.ts";
import {
  ALL_AUTHENTICATED,
  ALL_SERVICE_ACCOUNTS,
  type Principal,
  principalKey,
  serviceAccountOf,
} from "./principals.ts";

export type IndirectMethod =
  | "escalate"
  | "escalate-by-aggregation"
  | "bind"
  | "impersonate"
  | "create-token"
  | "create-token-secret"
  | "create-pod"
  | "create-workload"
  | "change-workload"
  | "exec-into-pod";

/** One step towards running commands. */
export interface IndirectWay {
  readonly method: IndirectMethod;
  /** Who is taken over; undefined when the step gives the rights themselves. */
  readonly target?: Principal;
  /** The role that is bound or changed, e.g. "ClusterRole cluster-admin". */
  readonly role?: string;
  readonly capabilities: readonly HeldCapability[];
}

export interface HeldCapability {
  readonly by: HeldBy;
  readonly capability: Capability;
}

export interface IndirectAccess {
  readonly principal: Principal;
  /** Shortest first; one for each method. */
  readonly ways: readonly IndirectWay[];
}

/** What one principal can lead to, all its bindings together. */
interface Capabilities {
  readonly cluster: ReadonlyMap<CapabilityKind, readonly HeldCapability[]>;
  readonly namespaces: ReadonlyMap<string, ReadonlyMap<CapabilityKind, readonly HeldCapability[]>>;
}

/** Somebody who can become any ServiceAccount of a scope, or named ones. */
interface Listener {
  readonly principal: Principal;
  readonly method: IndirectMethod;
  readonly needsWorkload: boolean;
  readonly capabilities: readonly HeldCapability[];
}

const TO_ACCOUNTS: readonly (readonly [CapabilityKind, IndirectMethod])[] = [
  ["create-tokens", "create-token"],
  ["impersonate-service-accounts", "impersonate"],
  ["create-pods", "create-pod"],
  ["create-workloads", "create-workload"],
  ["change-workloads", "change-workload"],
  ["exec-pods", "exec-into-pod"],
];
/** resourceNames of these are names of ServiceAccounts; of the others they are names of pods and workloads. */
const NAMES_ACCOUNTS: ReadonlySet<CapabilityKind> = new Set(["create-tokens", "impersonate-service-accounts"]);

export interface IndirectOptions {
  /** Who may run commands without any detour. */
  readonly direct: readonly Principal[];
  /** "namespace/name" of ServiceAccounts something runs as. */
  readonly accountsInUse: ReadonlySet<string>;
}

/**
 * Everybody who can get to run commands by way of somebody else or of more rights, however many steps it takes. Each
 * principal is looked at once, so the cost grows with bindings and not with paths.
 */
export function indirectAccess(
  bound: BoundRoles,
  roles: EffectiveRoles,
  options: IndirectOptions,
): readonly IndirectAccess[] {
  const capabilitiesByRole = new Map<EffectiveRole, readonly Capability[]>();
  const direct = new Set(options.direct.map(principalKey));
  const found = new Map<string, { readonly principal: Principal; readonly ways: IndirectWay[] }>();
  const queue: Principal[] = [...options.direct];
  const listeners = createListeners();

  const reach = (principal: Principal, way: IndirectWay): void => {
    const key = principalKey(principal);
    if (direct.has(key)) return;
    if (way.target !== undefined && principalKey(way.target) === key) return;
    const known = found.get(key);
    if (known === undefined) {
      found.set(key, { principal, ways: [way] });
      queue.push(principal);
    } else if (!known.ways.some(({ method }) => method === way.method)) known.ways.push(way);
  };

  const roleCapabilities = (role: EffectiveRole): readonly Capability[] => {
    const known = capabilitiesByRole.get(role) ?? capabilitiesOf(role);
    capabilitiesByRole.set(role, known);
    return known;
  };

  for (const principal of bound.principals) {
    const held = bound.heldBy(principal);
    const capabilities = collect(held, roleCapabilities);
    if (capabilities === undefined) continue;
    for (const way of waysToRights(held, capabilities, roles, bound)) reach(principal, way);
    listeners.add(principal, capabilities);
  }
  // Masters are above RBAC and always there to be impersonated.
  queue.push({ kind: "Group", name: "system:masters" });

  // Grows while it is walked.
  for (const next of queue) {
    for (const { listener, target } of listeners.reached(next, options.accountsInUse)) {
      reach(listener.principal, { method: listener.method, target, capabilities: listener.capabilities });
    }
  }
  return [...found.values()];
}

function collect(
  held: readonly HeldBy[],
  roleCapabilities: (role: EffectiveRole) => readonly Capability[],
): Capabilities | undefined {
  const cluster = new Map<CapabilityKind, HeldCapability[]>();
  const namespaces = new Map<string, Map<CapabilityKind, HeldCapability[]>>();
  for (const by of held) {
    const { binding, role } = by.held;
    for (const capability of roleCapabilities(role)) {
      const home = binding.kind === "ClusterRoleBinding" ? cluster : (namespaces.get(binding.namespace) ?? new Map());
      if (binding.kind === "RoleBinding") namespaces.set(binding.namespace, home);
      const list = home.get(capability.kind) ?? [];
      list.push({ by, capability });
      home.set(capability.kind, list);
    }
  }
  return cluster.size === 0 && namespaces.size === 0 ? undefined : { cluster, namespaces };
}

const isFree = ({ capability }: HeldCapability): boolean => capability.names === undefined;

function waysToRights(
  held: readonly HeldBy[],
  { cluster }: Capabilities,
  roles: EffectiveRoles,
  bound: BoundRoles,
): readonly IndirectWay[] {
  const ways: IndirectWay[] = [];
  const [escalate = [], change = [], create = []] = [
    cluster.get("escalate"),
    cluster.get("change-cluster-roles"),
    cluster.get("create-cluster-roles"),
  ];
  const own = held
    .filter(({ held: { binding } }) => binding.kind === "ClusterRoleBinding")
    .map(({ held }) => held.role);
  const changeable = own.find(({ name }) =>
    [escalate, change].every((list) =>
      list.some((one) => isFree(one) || one.capability.names?.includes(name) === true),
    ),
  );
  if (changeable !== undefined) {
    ways.push({
      method: "escalate",
      role: `ClusterRole ${changeable.name}`,
      capabilities: [...escalate.slice(0, 1), ...change.slice(0, 1)],
    });
  }
  const collector = own.find(({ aggregates }) => aggregates);
  if (collector !== undefined && create.length > 0 && escalate.some(isFree)) {
    ways.push({
      method: "escalate-by-aggregation",
      role: `ClusterRole ${collector.name}`,
      capabilities: [...escalate.filter(isFree).slice(0, 1), ...create.slice(0, 1)],
    });
  }
  const write = cluster.get("write-cluster-role-bindings") ?? [];
  if (write.length > 0) {
    for (const one of cluster.get("bind") ?? []) {
      const role = bindableRole(one.capability.names, roles);
      if (role === undefined) continue;
      const usable = write.find((binding) => isFree(binding) || namesBindingOf(binding, role, bound));
      if (usable === undefined) continue;
      ways.push({ method: "bind", role: `ClusterRole ${role.name}`, capabilities: [one, usable] });
      break;
    }
  }
  return ways;
}

function bindableRole(names: readonly string[] | undefined, roles: EffectiveRoles): EffectiveRole | undefined {
  const candidates = names ?? ["cluster-admin", "system:kubelet-api-admin"];
  const wanted = candidates.flatMap((name) => roles.find({ kind: "ClusterRole", name }, "") ?? []);
  const found = wanted.find((role) => nodeGrantsOf(role).some(runsCommandsUpstream));
  if (found !== undefined || names !== undefined) return found;
  return roles.all.find((role) => role.kind === "ClusterRole" && nodeGrantsOf(role).some(runsCommandsUpstream));
}

/** roleRef can not be changed, so a named binding helps only when it is one to that role. */
function namesBindingOf({ capability }: HeldCapability, role: EffectiveRole, bound: BoundRoles): boolean {
  return bound
    .bindingsOf(role)
    .some(({ kind, name }) => kind === "ClusterRoleBinding" && capability.names?.includes(name) === true);
}

interface Fired {
  readonly listener: Listener;
  readonly target: Principal;
}

interface Listeners {
  add(principal: Principal, capabilities: Capabilities): void;
  /** Who can become `principal`. */
  reached(principal: Principal, accountsInUse: ReadonlySet<string>): readonly Fired[];
}

/** Those who can take over others, found by whom they can take over. */
function createListeners(): Listeners {
  /** By namespace; "" for all of them. */
  const anyAccount = new Map<string, Listener[]>();
  /** By "namespace/name", the namespace "" for all of them. */
  const namedAccount = new Map<string, Listener[]>();
  /** By name; "" for any. */
  const users = new Map<string, Listener[]>();
  const groups = new Map<string, Listener[]>();

  const push = (map: Map<string, Listener[]>, key: string, listener: Listener): void => {
    const list = map.get(key) ?? [];
    list.push(listener);
    map.set(key, list);
  };

  const listen = (
    principal: Principal,
    namespace: string,
    method: IndirectMethod,
    kind: CapabilityKind,
    held: readonly HeldCapability[],
  ): void => {
    const needsWorkload = kind === "exec-pods" || kind === "change-workloads";
    const free = held.find(isFree);
    // A named pod or workload may belong to the account, so it counts like any.
    const usable = free ?? (NAMES_ACCOUNTS.has(kind) ? undefined : held[0]);
    if (usable !== undefined) {
      push(anyAccount, namespace, { principal, method, needsWorkload, capabilities: [usable] });
      return;
    }
    for (const one of held) {
      for (const name of one.capability.names ?? []) {
        push(namedAccount, `${namespace}/${name}`, { principal, method, needsWorkload, capabilities: [one] });
      }
    }
  };

  const listenAll = (
    principal: Principal,
    namespace: string,
    capabilities: ReadonlyMap<CapabilityKind, readonly HeldCapability[]>,
  ): void => {
    for (const [kind, method] of TO_ACCOUNTS) {
      const held = capabilities.get(kind);
      if (held !== undefined) listen(principal, namespace, method, kind, held);
    }
    const [create, read] = [capabilities.get("create-secrets"), capabilities.get("read-secrets")?.find(isFree)];
    if (create?.[0] !== undefined && read !== undefined) {
      push(anyAccount, namespace, {
        principal,
        method: "create-token-secret",
        needsWorkload: false,
        capabilities: [create[0], read],
      });
    }
  };

  const fire = (
    map: Map<string, Listener[]>,
    key: string,
    target: Principal,
    keep: (listener: Listener) => boolean,
  ): readonly Fired[] => {
    const list = map.get(key);
    if (list === undefined) return [];
    const fired = list.filter(keep);
    // Whoever can become one account of a scope needs no second reason.
    const rest = list.filter((listener) => !keep(listener));
    if (rest.length === 0) map.delete(key);
    else map.set(key, rest);
    return fired.map((listener) => ({ listener, target }));
  };
  const all = (): boolean => true;

  return {
    add(principal, { cluster, namespaces }) {
      listenAll(principal, "", cluster);
      for (const [namespace, capabilities] of namespaces) listenAll(principal, namespace, capabilities);
      const asUsers = cluster.get("impersonate-users") ?? [];
      for (const one of asUsers) {
        for (const name of one.capability.names ?? [""]) {
          push(users, name, { principal, method: "impersonate", needsWorkload: false, capabilities: [one] });
        }
      }
      // Groups go along with a user; without one the request is refused.
      const [companion] = [...asUsers, ...(cluster.get("impersonate-service-accounts") ?? [])];
      if (companion === undefined) return;
      for (const one of cluster.get("impersonate-groups") ?? []) {
        for (const name of one.capability.names ?? [""]) {
          push(groups, name, {
            principal,
            method: "impersonate",
            needsWorkload: false,
            capabilities: [one, companion],
          });
        }
      }
    },

    reached(principal, accountsInUse) {
      if (principal.kind === "Group") {
        const byGroup = [...fire(groups, principal.name, principal, all), ...fire(groups, "", principal, all)];
        if (principal.name === ALL_AUTHENTICATED || principal.name === ALL_SERVICE_ACCOUNTS) {
          return [...byGroup, ...[...anyAccount.keys()].flatMap((key) => fire(anyAccount, key, principal, all))];
        }
        const prefix = `${ALL_SERVICE_ACCOUNTS}:`;
        if (!principal.name.startsWith(prefix)) return byGroup;
        const namespace = principal.name.slice(prefix.length);
        return [...byGroup, ...fire(anyAccount, namespace, principal, all), ...fire(anyAccount, "", principal, all)];
      }
      const account = serviceAccountOf(principal.name);
      if (account === undefined) {
        return [...fire(users, principal.name, principal, all), ...fire(users, "", principal, all)];
      }
      const { namespace, name } = account;
      const inUse = accountsInUse.has(`${namespace}/${name}`);
      const keep = ({ needsWorkload }: Listener): boolean => inUse || !needsWorkload;
      return [
        ...fire(anyAccount, namespace, principal, keep),
        ...fire(anyAccount, "", principal, keep),
        ...fire(namedAccount, `${namespace}/${name}`, principal, keep),
        ...fire(namedAccount, `/${name}`, principal, keep),
      ];
    },
  };
}
