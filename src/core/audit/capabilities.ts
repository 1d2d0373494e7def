import type { PolicyRule } from "../../api/types.ts";
import type { EffectiveRole, EffectiveRule } from "./effective-roles.ts";

/** Rights that lead to other identities or other rights. */
export type CapabilityKind =
  | "escalate-cluster-roles"
  | "change-cluster-roles"
  | "create-cluster-roles"
  | "bind-cluster-roles"
  | "write-cluster-role-bindings"
  | "escalate-roles"
  | "change-roles"
  | "create-roles"
  | "bind-roles"
  | "write-role-bindings"
  | "impersonate-users"
  | "impersonate-groups"
  | "impersonate-service-accounts"
  | "constrained-users"
  | "constrained-groups"
  | "constrained-service-accounts"
  | "constrained-nodes"
  | "proxy-as-user"
  | "proxy-as-service-account"
  | "create-tokens-as-node"
  | "create-tokens"
  | "create-pods"
  | "change-pods"
  | "create-workloads"
  | "change-workloads"
  | "exec-pods"
  | "create-secrets"
  | "read-secrets"
  | "create-certificate-requests"
  | "create-node-certificate-requests"
  | "approve-certificate-requests"
  | "approve-signers";

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
  /** Makes an object. A POST names none, so a rule with resourceNames covers only creation by other requests. */
  readonly makes?: { readonly also: readonly string[] };
  /** Of the API server: minor versions this holds in. */
  readonly since?: number;
  readonly before?: number;
}

const CORE = "";
const RBAC = "rbac.authorization.k8s.io";
const CERTIFICATES = "certificates.k8s.io";
const AUTHENTICATION = "authentication.k8s.io";
const CHANGE = ["update", "patch"];
/** Server-side apply makes what is not there. Of what is made here only roles and bindings can be made by update as well. */
const APPLY = ["patch"];

const creates = (kind: CapabilityKind, group: string, ...resources: readonly string[]): Definition => ({
  kind,
  verbs: ["create"],
  group,
  resources,
  makes: { also: group === RBAC ? CHANGE : APPLY },
});
const allows = (kind: CapabilityKind, verbs: readonly string[], group: string, ...resources: string[]): Definition => ({
  kind,
  verbs,
  group,
  resources,
});
/** KEP-5284, on by default since 1.36: what may be done in the other's name is limited by a second right. */
const constrained = (kind: CapabilityKind, verbs: readonly string[], group: string, resource: string): Definition => ({
  ...allows(kind, verbs, group, resource),
  since: 36,
});

const DEFINITIONS: readonly Definition[] = [
  allows("escalate-cluster-roles", ["escalate"], RBAC, "clusterroles"),
  allows("change-cluster-roles", CHANGE, RBAC, "clusterroles"),
  creates("create-cluster-roles", RBAC, "clusterroles"),
  allows("bind-cluster-roles", ["bind"], RBAC, "clusterroles"),
  creates("write-cluster-role-bindings", RBAC, "clusterrolebindings"),
  allows("write-cluster-role-bindings", CHANGE, RBAC, "clusterrolebindings"),
  allows("escalate-roles", ["escalate"], RBAC, "roles"),
  allows("change-roles", CHANGE, RBAC, "roles"),
  creates("create-roles", RBAC, "roles"),
  allows("bind-roles", ["bind"], RBAC, "roles"),
  creates("write-role-bindings", RBAC, "rolebindings"),
  allows("impersonate-users", ["impersonate"], CORE, "users"),
  allows("impersonate-groups", ["impersonate"], CORE, "groups"),
  allows("impersonate-service-accounts", ["impersonate"], CORE, "serviceaccounts"),
  constrained("constrained-users", ["impersonate:user-info"], AUTHENTICATION, "users"),
  constrained("constrained-groups", ["impersonate:user-info"], AUTHENTICATION, "groups"),
  constrained("constrained-service-accounts", ["impersonate:serviceaccount"], AUTHENTICATION, "serviceaccounts"),
  constrained("constrained-nodes", ["impersonate:arbitrary-node"], AUTHENTICATION, "nodes"),
  constrained(
    "proxy-as-user",
    ["impersonate-on:user-info:get", "impersonate-on:user-info:create"],
    CORE,
    "nodes/proxy",
  ),
  constrained(
    "proxy-as-service-account",
    ["impersonate-on:serviceaccount:get", "impersonate-on:serviceaccount:create"],
    CORE,
    "nodes/proxy",
  ),
  constrained("create-tokens-as-node", ["impersonate-on:arbitrary-node:create"], CORE, "serviceaccounts/token"),
  allows("create-tokens", ["create"], CORE, "serviceaccounts/token"),
  creates("create-pods", CORE, "pods"),
  // Of a running pod the image can be changed.
  allows("change-pods", CHANGE, CORE, "pods"),
  creates("create-workloads", CORE, "replicationcontrollers"),
  creates("create-workloads", "apps", "deployments", "daemonsets", "statefulsets", "replicasets"),
  creates("create-workloads", "batch", "jobs", "cronjobs"),
  allows("change-workloads", CHANGE, CORE, "replicationcontrollers"),
  allows("change-workloads", CHANGE, "apps", "deployments", "daemonsets", "statefulsets", "replicasets"),
  allows("change-workloads", CHANGE, "batch", "cronjobs"),
  allows("exec-pods", ["create"], CORE, "pods/exec", "pods/attach"),
  // Before AuthorizePodWebsocketUpgradeCreatePermission a WebSocket needed no more than get here as well.
  { ...allows("exec-pods", ["get"], CORE, "pods/exec", "pods/attach"), before: 35 },
  allows("exec-pods", CHANGE, CORE, "pods/ephemeralcontainers"),
  creates("create-secrets", CORE, "secrets"),
  allows("read-secrets", ["get", "list", "watch"], CORE, "secrets"),
  creates("create-certificate-requests", CERTIFICATES, "certificatesigningrequests"),
  allows("create-node-certificate-requests", ["create"], CERTIFICATES, "certificatesigningrequests/nodeclient"),
  allows("approve-certificate-requests", CHANGE, CERTIFICATES, "certificatesigningrequests/approval"),
  allows("approve-signers", ["approve"], CERTIFICATES, "signers"),
];

/** Everything in a role that can lead further. @param serverMinor minor version of the API server */
export function capabilitiesOf(role: EffectiveRole, serverMinor: number): readonly Capability[] {
  return role.rules.flatMap((source) => {
    const { resourceNames = [] } = source.rule;
    return DEFINITIONS.flatMap((definition): readonly Capability[] => {
      const { kind, makes, since = 0, before = Infinity } = definition;
      if (serverMinor < since || serverMinor >= before || !grants(source.rule, definition)) return [];
      if (resourceNames.length === 0) return [{ kind, source, names: undefined }];
      if (makes === undefined) return [{ kind, source, names: resourceNames }];
      // What stands in the object is free, whatever its name has to be.
      return makesByName(role, source.rule, definition, makes.also) ? [{ kind, source, names: undefined }] : [];
    });
  });
}

/**
 * Whether `create` limited to names is of use: a PATCH (or PUT) of an object that is not there asks for that verb and
 * for create, both with the name.
 */
function makesByName(
  role: EffectiveRole,
  create: PolicyRule,
  definition: Definition,
  also: readonly string[],
): boolean {
  return definition.resources.some((resource) => {
    const only = { ...definition, resources: [resource] };
    return (
      grants(create, only) &&
      role.rules.some(({ rule }) => grants(rule, { ...only, verbs: also }) && sharesName(rule, create))
    );
  });
}

function sharesName({ resourceNames = [] }: PolicyRule, { resourceNames: others = [] }: PolicyRule): boolean {
  return resourceNames.length === 0 || resourceNames.some((name) => others.includes(name));
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
