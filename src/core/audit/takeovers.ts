import type { Capability, CapabilityKind } from "./capabilities.ts";
import { covering, type HeldCapabilities, type HeldCapability, isFree } from "./held-capabilities.ts";
import type { IndirectMethod, IndirectWay } from "./indirect-way.ts";
import { ALL_AUTHENTICATED, ALL_SERVICE_ACCOUNTS, type Principal, serviceAccountOf } from "./principals.ts";
import type { NamespaceRights } from "./rights-to-rights.ts";
import { createTakeoverIndex, type IsMet, type Needs, type Takeover, type TakeoverIndex } from "./takeover-index.ts";

export interface Surroundings {
  /** "namespace/name" of ServiceAccounts something runs as. */
  readonly accountsInUse: ReadonlySet<string>;
  /** Namespaces in which something runs. */
  readonly namespacesInUse: ReadonlySet<string>;
  /** Secrets that hold a token of a ServiceAccount, by namespace. */
  readonly tokenSecrets: ReadonlyMap<string, readonly { readonly name: string; readonly account: string }[]>;
}

export interface Takeovers {
  add(principal: Principal, capabilities: HeldCapabilities, namespaceRights: readonly NamespaceRights[]): void;
  /** Who can become `target`, told once for each of them: whoever can become one of a scope needs no second reason. */
  of(target: Principal): readonly { readonly principal: Principal; readonly way: IndirectWay }[];
}

const TO_ACCOUNTS: readonly (readonly [CapabilityKind, IndirectMethod, Needs])[] = [
  ["create-tokens", "create-token", "nothing"],
  ["impersonate-service-accounts", "impersonate", "nothing"],
  ["create-pods", "create-pod", "nothing"],
  ["create-workloads", "create-workload", "nothing"],
  // The template of a workload may name another ServiceAccount from now on; a pod keeps its own.
  ["change-workloads", "change-workload", "workload-in-namespace"],
  ["change-pods", "change-pod", "pod-of-account"],
  ["exec-pods", "exec-into-pod", "pod-of-account"],
];
/** resourceNames of these are names of ServiceAccounts; of the others they are names of pods and workloads. */
const NAMES_ACCOUNTS: ReadonlySet<CapabilityKind> = new Set([
  "create-tokens",
  "impersonate-service-accounts",
  "constrained-service-accounts",
]);
const CLIENT_SIGNERS = ["kubernetes.io/kube-apiserver-client", "kubernetes.io/*"];
const NODE_SIGNERS = ["kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/*"];

/** Whether a role, bound in a namespace, lets its holder take over ServiceAccounts there. */
export function takesOverAccounts(capabilities: readonly Capability[]): boolean {
  const kinds = new Set(capabilities.map(({ kind }) => kind));
  return TO_ACCOUNTS.some(([kind]) => kinds.has(kind)) || (kinds.has("create-secrets") && kinds.has("read-secrets"));
}

/** Those who can take over others, found by whom they can take over, so that asking costs those who are found. */
export function createTakeovers(surroundings: Surroundings): Takeovers {
  /** By namespace; "" for all of them. */
  const anyAccount = createTakeoverIndex();
  /** By "namespace/name", the namespace "" for all of them. */
  const namedAccount = createTakeoverIndex();
  /** By name; "" for any. */
  const users = createTakeoverIndex();
  const groups = createTakeoverIndex();
  /** Users, groups and ServiceAccounts alike, but never system:masters: certificates for it are refused. */
  const byCertificate = createTakeoverIndex();

  const addAccounts = (principal: Principal, namespace: string, capabilities: HeldCapabilities): void => {
    const put = (
      kind: CapabilityKind,
      method: IndirectMethod,
      needs: Needs,
      companions: readonly HeldCapability[] = [],
    ): void => {
      const held = capabilities.onlyIn(namespace, kind);
      const free = held.find(isFree);
      // A named pod or workload may belong to the account, so it counts like any.
      const usable = free ?? (NAMES_ACCOUNTS.has(kind) ? undefined : held[0]);
      if (usable !== undefined) {
        anyAccount.add(namespace, { principal, method, needs, capabilities: [usable, ...companions] });
        return;
      }
      for (const one of held) {
        for (const name of one.capability.names ?? []) {
          namedAccount.add(`${namespace}/${name}`, { principal, method, needs, capabilities: [one, ...companions] });
        }
      }
    };
    for (const [kind, method, needs] of TO_ACCOUNTS) put(kind, method, needs);
    const [proxy] = capabilities.in("", "proxy-as-service-account");
    if (proxy !== undefined) put("constrained-service-accounts", "impersonate", "nothing", [proxy]);
    const [create] = capabilities.in(namespace, "create-secrets");
    const [read] = capabilities.in(namespace, "read-secrets");
    if (create !== undefined && read !== undefined) {
      anyAccount.add(namespace, {
        principal,
        method: "create-token-secret",
        needs: "nothing",
        capabilities: [create, read],
      });
    }
    for (const one of capabilities.onlyIn(namespace, "read-secrets")) addTokenSecrets(principal, namespace, one);
  };

  const addTokenSecrets = (principal: Principal, namespace: string, held: HeldCapability): void => {
    const { tokenSecrets } = surroundings;
    const homes = namespace === "" ? [...tokenSecrets.keys()] : [namespace];
    for (const home of homes) {
      for (const { name, account } of tokenSecrets.get(home) ?? []) {
        if (covering([held], name) === undefined) continue;
        namedAccount.add(`${home}/${account}`, {
          principal,
          method: "read-token-secret",
          needs: "nothing",
          capabilities: [held],
        });
      }
    }
  };

  const addUsersAndGroups = (principal: Principal, capabilities: HeldCapabilities): void => {
    const put = (
      listeners: TakeoverIndex,
      list: readonly HeldCapability[],
      companion: HeldCapability | undefined,
    ): void => {
      for (const one of list) {
        for (const name of one.capability.names ?? [""]) {
          listeners.add(name, {
            principal,
            method: "impersonate",
            needs: "nothing",
            capabilities: companion === undefined ? [one] : [one, companion],
          });
        }
      }
    };
    const asUsers = capabilities.in("", "impersonate-users");
    const asGroups = capabilities.in("", "impersonate-groups");
    put(users, asUsers, undefined);
    // Groups go along with a user; without one the request is refused.
    const [companion] = [...asUsers, ...capabilities.in("", "impersonate-service-accounts")];
    if (companion !== undefined) put(groups, asGroups, companion);
    const [proxy] = capabilities.in("", "proxy-as-user");
    const constrained = capabilities.in("", "constrained-users");
    if (proxy === undefined || constrained.length === 0) return;
    put(users, constrained, proxy);
    put(groups, capabilities.in("", "constrained-groups"), proxy);
  };

  /** A node may have tokens of all ServiceAccounts whose pods it runs, and its name can be chosen. */
  const addNodes = (principal: Principal, capabilities: HeldCapabilities): void => {
    const put = (method: IndirectMethod, parts: readonly (HeldCapability | undefined)[]): void => {
      const held = parts.filter((one) => one !== undefined);
      if (held.length === parts.length) {
        anyAccount.add("", { principal, method, needs: "pod-of-account", capabilities: held });
      }
    };
    const nodeUser = capabilities
      .in("", "impersonate-users")
      .find((one) => isFree(one) || one.capability.names?.some((name) => name.startsWith("system:node:")) === true);
    put("impersonate-node", [nodeUser, covering(capabilities.in("", "impersonate-groups"), "system:nodes")]);
    put("impersonate-node", [
      capabilities.in("", "constrained-nodes")[0],
      capabilities.in("", "create-tokens-as-node")[0],
    ]);
    const [request] = capabilities.in("", "create-certificate-requests");
    const [approve] = capabilities.in("", "approve-certificate-requests");
    const signers = capabilities.in("", "approve-signers");
    put("node-certificate", [request, capabilities.in("", "create-node-certificate-requests")[0]]);
    put("node-certificate", [request, approve, covering(signers, ...NODE_SIGNERS)]);
    const clients = covering(signers, ...CLIENT_SIGNERS);
    if (request === undefined || approve === undefined || clients === undefined) return;
    byCertificate.add("", {
      principal,
      method: "approve-certificate",
      needs: "nothing",
      capabilities: [request, approve, clients],
    });
  };

  const needsMetFor = (target: Principal): IsMet => {
    const account = serviceAccountOf(target.name);
    const inUse = account === undefined || surroundings.accountsInUse.has(`${account.namespace}/${account.name}`);
    const somethingRuns = account === undefined || surroundings.namespacesInUse.has(account.namespace);
    return (needs) => needs === "nothing" || (needs === "pod-of-account" ? inUse : somethingRuns);
  };

  const takersOf = (target: Principal): readonly Takeover[] => {
    const isMet = needsMetFor(target);
    const { kind, name } = target;
    const certificates = name === "system:masters" ? [] : byCertificate.take("", isMet);
    if (kind === "Group") {
      const direct = [...groups.take(name, isMet), ...groups.take("", isMet), ...certificates];
      if (name === ALL_AUTHENTICATED || name === ALL_SERVICE_ACCOUNTS) {
        return [...direct, ...anyAccount.takeAll(() => true, isMet), ...namedAccount.takeAll(() => true, isMet)];
      }
      const prefix = `${ALL_SERVICE_ACCOUNTS}:`;
      if (!name.startsWith(prefix)) return direct;
      const namespace = name.slice(prefix.length);
      const isHere = (key: string): boolean => key.startsWith(`${namespace}/`) || key.startsWith("/");
      return [
        ...direct,
        ...anyAccount.take(namespace, isMet),
        ...anyAccount.take("", isMet),
        ...namedAccount.takeAll(isHere, isMet),
      ];
    }
    const account = serviceAccountOf(name);
    if (account === undefined) return [...users.take(name, isMet), ...users.take("", isMet), ...certificates];
    return [
      ...anyAccount.take(account.namespace, isMet),
      ...anyAccount.take("", isMet),
      ...namedAccount.take(`${account.namespace}/${account.name}`, isMet),
      ...namedAccount.take(`/${account.name}`, isMet),
      ...certificates,
    ];
  };

  return {
    add(principal, capabilities, namespaceRights) {
      for (const namespace of ["", ...capabilities.namespaces]) addAccounts(principal, namespace, capabilities);
      for (const { namespace, method, role, capabilities: held } of namespaceRights) {
        anyAccount.add(namespace, { principal, method, needs: "nothing", role, capabilities: held });
      }
      addUsersAndGroups(principal, capabilities);
      addNodes(principal, capabilities);
    },
    of: (target) =>
      takersOf(target).map(({ principal, method, role, capabilities }) => ({
        principal,
        way: { method, target, ...(role !== undefined && { role }), capabilities },
      })),
  };
}
