import type { BoundRoles, Held, HeldBy } from "./bound-roles.ts";
import type { EffectiveRole } from "./effective-roles.ts";
import {
  describePermission,
  KUBELET_ACTIONS,
  type KubeletAction,
  type NodePermission,
  permissionsAtApiServer,
  permissionsAtKubelet,
} from "./kubelet-actions.ts";
import type { NodeClass } from "./node-classes.ts";
import { grantHolds, METHOD_VERBS, NODE_SUBRESOURCES, type NodeGrant, nodeGrantsOf } from "./node-grants.ts";
import type { Principal } from "./principals.ts";

/** On which nodes something holds. */
export type NodeScope =
  | { readonly scope: "all"; readonly count: number }
  /** All nodes of these classes. */
  | { readonly scope: "classes"; readonly count: number; readonly classes: readonly string[] }
  /** By resourceNames. `names` holds names of nodes, which need not exist (yet). */
  | { readonly scope: "named"; readonly count: number; readonly names: readonly string[] };

export interface Route {
  readonly through: "kubelet" | "api-server";
  /** Held permissions that open it, e.g. "get nodes/proxy". */
  readonly with: readonly string[];
  readonly nodes: NodeScope;
  /** Places in `grants` of the subject. */
  readonly via: readonly number[];
}

export interface ActionAccess {
  readonly action: string;
  readonly runsCommands: boolean;
  readonly routes: readonly Route[];
}

/** One link from a subject to rights on kubelets. */
export interface AccessGrant {
  readonly permissions: readonly string[];
  readonly binding: Held["binding"];
  readonly role: { readonly kind: string; readonly name: string; readonly assumed: boolean };
  /** The role whose rule it is, when the bound role collected it. */
  readonly aggregatedFrom?: string;
  /** The group that is bound, when it is not the subject itself. */
  readonly group?: string;
  readonly rule: NodeGrant["source"];
  readonly nodeNames?: readonly string[];
}

export interface KubeletAccess {
  readonly principal: Principal;
  readonly grants: readonly AccessGrant[];
  readonly actions: readonly ActionAccess[];
}

export interface AccessOptions {
  readonly classes: readonly NodeClass[];
  readonly apiServer: { readonly orlop: boolean };
}

export interface AccessEvaluator {
  /** undefined when the principal may do nothing at any kubelet. */
  accessOf(principal: Principal): KubeletAccess | undefined;
}

/** Names as a set: thousands of grants by name ask for the same thousands of nodes. */
interface IndexedClass extends NodeClass {
  readonly names: ReadonlySet<string>;
}

interface HeldGrant {
  readonly by: HeldBy;
  readonly grant: NodeGrant;
}

/** Answers for one principal cost what it is bound to; roles are taken apart once. */
export function createAccessEvaluator(bound: BoundRoles, options: AccessOptions): AccessEvaluator {
  const grantsOfRole = new Map<EffectiveRole, readonly NodeGrant[]>();
  const actionsOfGrants = new Map<string, readonly ActionAccess[]>();
  const numbers = new Map<NodeGrant, number>();
  const total = options.classes.reduce((sum, { nodes }) => sum + nodes.length, 0);
  const classes = options.classes.map((one): IndexedClass => ({ ...one, names: new Set(one.nodes) }));
  const requirements = KUBELET_ACTIONS.map((action) => requirementsOf(action, options));

  const grantsOf = (role: EffectiveRole): readonly NodeGrant[] => {
    const known = grantsOfRole.get(role);
    if (known !== undefined) return known;
    const found = nodeGrantsOf(role);
    grantsOfRole.set(role, found);
    for (const grant of found) numbers.set(grant, numbers.size);
    return found;
  };

  return {
    accessOf(principal) {
      const grants: HeldGrant[] = [];
      for (const by of bound.heldBy(principal)) {
        // Nodes belong to no namespace, so what a RoleBinding gives never covers them.
        if (by.held.binding.kind !== "ClusterRoleBinding") continue;
        for (const grant of grantsOf(by.held.role)) grants.push({ by, grant });
      }
      if (grants.length === 0) return undefined;
      const key = grants.map(({ grant }) => numbers.get(grant)).join(",");
      const known = actionsOfGrants.get(key);
      const actions = known ?? actionsFor(grants, requirements, classes, total);
      if (known === undefined) actionsOfGrants.set(key, actions);
      return { principal, grants: grants.map(toAccessGrant), actions };
    },
  };
}

interface Requirements {
  readonly action: KubeletAction;
  readonly atApiServer: readonly NodePermission[];
  /** By place of the class. */
  readonly atKubelet: readonly (readonly NodePermission[])[];
}

function requirementsOf(action: KubeletAction, { classes, apiServer }: AccessOptions): Requirements {
  return {
    action,
    atApiServer: permissionsAtApiServer(action, apiServer),
    atKubelet: classes.map(({ profile }) => permissionsAtKubelet(action, profile)),
  };
}

function toAccessGrant({ by: { held, group }, grant }: HeldGrant): AccessGrant {
  const { role, binding } = held;
  return {
    permissions: permissionsOf(grant),
    binding,
    role: { kind: role.kind, name: role.name, assumed: role.assumed },
    ...(grant.source.writtenIn !== role.name && { aggregatedFrom: grant.source.writtenIn }),
    ...(group !== undefined && { group }),
    rule: grant.source,
    ...(grant.names !== undefined && { nodeNames: grant.names }),
  };
}

function permissionsOf(grant: NodeGrant): readonly string[] {
  return NODE_SUBRESOURCES.flatMap((subresource) =>
    METHOD_VERBS.filter((verb) => grantHolds(grant, verb, subresource)).map((verb) => `${verb} nodes/${subresource}`),
  );
}

function actionsFor(
  grants: readonly HeldGrant[],
  requirements: readonly Requirements[],
  classes: readonly IndexedClass[],
  total: number,
): readonly ActionAccess[] {
  return requirements.flatMap(({ action, atApiServer, atKubelet }): readonly ActionAccess[] => {
    const routes = [
      ...kubeletRoutes(grants, atKubelet, classes, total),
      ...apiServerRoutes(grants, atApiServer, total),
    ];
    return routes.length === 0 ? [] : [{ action: action.name, runsCommands: action.runsCommands, routes }];
  });
}

function holding(grants: readonly HeldGrant[], permission: NodePermission): readonly number[] {
  return grants.flatMap(({ grant }, place) =>
    grantHolds(grant, permission.verb, permission.subresource) ? [place] : [],
  );
}

function kubeletRoutes(
  grants: readonly HeldGrant[],
  atKubelet: Requirements["atKubelet"],
  classes: readonly IndexedClass[],
  total: number,
): readonly Route[] {
  const open: {
    readonly name: string;
    readonly count: number;
    readonly with: readonly string[];
    readonly via: readonly number[];
  }[] = [];
  const named: Route[] = [];
  for (const [place, nodeClass] of classes.entries()) {
    const permissions = (atKubelet[place] ?? []).map((permission) => ({
      permission,
      via: holding(grants, permission),
    }));
    const everywhere = permissions
      .map(({ permission, via }) => ({ permission, via: via.filter((one) => grants[one]?.grant.names === undefined) }))
      .filter(({ via }) => via.length > 0);
    if (everywhere.length > 0) {
      open.push({
        name: nodeClass.name,
        count: nodeClass.nodes.length,
        with: everywhere.map(({ permission }) => describePermission(permission)),
        via: [...new Set(everywhere.flatMap(({ via }) => via))],
      });
      continue;
    }
    const limited = permissions.filter(({ via }) => via.length > 0);
    if (limited.length === 0) continue;
    const wanted = new Set(limited.flatMap(({ via }) => via.flatMap((one) => grants[one]?.grant.names ?? [])));
    const here = nodeClass.names;
    const names = [...wanted].filter((name) => total === 0 || here.has(name)).sort();
    if (names.length === 0) continue;
    named.push({
      through: "kubelet",
      with: limited.map(({ permission }) => describePermission(permission)),
      nodes: { scope: "named", count: names.length, names },
      via: [...new Set(limited.flatMap(({ via }) => via))],
    });
  }
  if (open.length === 0) return named;
  const count = open.reduce((sum, one) => sum + one.count, 0);
  return [
    {
      through: "kubelet",
      with: [...new Set(open.flatMap((one) => one.with))],
      nodes:
        open.length === classes.length
          ? { scope: "all", count }
          : { scope: "classes", count, classes: open.map(({ name }) => name) },
      via: [...new Set(open.flatMap(({ via }) => via))].sort((a, b) => a - b),
    },
    ...named,
  ];
}

/** The API server takes "NODE", "NODE:PORT" and "https:NODE:PORT" and asks RBAC for that very text. */
export function nodeOfProxyName(name: string): string {
  const parts = name.split(":");
  if (parts.length === 3) return parts[1] ?? name;
  return parts.length === 2 ? (parts[0] ?? name) : name;
}

function apiServerRoutes(
  grants: readonly HeldGrant[],
  permissions: readonly NodePermission[],
  total: number,
): readonly Route[] {
  const held = permissions
    .map((permission) => ({ permission, via: holding(grants, permission) }))
    .filter(({ via }) => via.length > 0);
  if (held.length === 0) return [];
  const isOpen = (one: number): boolean => grants[one]?.grant.names === undefined;
  const everywhere = held.filter(({ via }) => via.some(isOpen));
  const used = everywhere.length > 0 ? everywhere : held;
  const via = [...new Set(used.flatMap(({ via }) => (everywhere.length > 0 ? via.filter(isOpen) : via)))].sort(
    (a, b) => a - b,
  );
  const names = [...new Set(via.flatMap((one) => (grants[one]?.grant.names ?? []).map(nodeOfProxyName)))].sort();
  return [
    {
      through: "api-server",
      with: used.map(({ permission }) => describePermission(permission)),
      nodes: everywhere.length > 0 ? { scope: "all", count: total } : { scope: "named", count: names.length, names },
      via,
    },
  ];
}
