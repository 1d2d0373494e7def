import { bootstrapPolicy } from "../authz/bootstrap/policy.ts";
import { SelectorError, selectsLabels } from "../../api/label-selector.ts";
import type { ClusterRole, LabelSelector, PolicyRule, Role, RoleRef } from "../../api/types.ts";
import type { AuditInput } from "./input.ts";
import { FROM_CLUSTER, type Located, type Origin } from "./origin.ts";

/** A rule with the role it was written in; another one than asked for when it came by aggregation. */
export interface EffectiveRule {
  readonly rule: PolicyRule;
  readonly writtenIn: string;
  readonly index: number;
  readonly origin: Origin;
}

export interface EffectiveRole {
  readonly kind: "ClusterRole" | "Role";
  /** "" for ClusterRoles. */
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly origin: Origin;
  readonly rules: readonly EffectiveRule[];
  readonly aggregates: boolean;
  /** Not in the input: every cluster has it, so its standard rules are taken. */
  readonly assumed: boolean;
}

export interface EffectiveRoles {
  readonly all: readonly EffectiveRole[];
  /** undefined: the role does not exist. */
  find(roleRef: Pick<RoleRef, "kind" | "name">, namespace: string): EffectiveRole | undefined;
}

interface Draft {
  readonly role: ClusterRole;
  readonly own: readonly EffectiveRule[];
  readonly origin: Origin;
  readonly assumed: boolean;
}

/** All roles with what they grant in the end: aggregation resolved (also in circles), standard roles filled in. */
export function effectiveRoles(input: AuditInput): EffectiveRoles {
  const drafts = new Map<string, Draft>();
  for (const { object, origin, ruleLines } of input.clusterRoles) {
    const name = object.metadata?.name ?? "";
    drafts.set(name, { role: object, own: written(name, object.rules, origin, ruleLines), origin, assumed: false });
  }
  for (const role of input.wholeCluster ? [] : standardRoles()) {
    const name = role.metadata?.name ?? "";
    if (drafts.has(name)) continue;
    drafts.set(name, {
      role,
      own: written(name, role.rules, FROM_CLUSTER, undefined),
      origin: FROM_CLUSTER,
      assumed: true,
    });
  }
  const rules = aggregate(drafts);
  const clusterRoles = new Map<string, EffectiveRole>();
  for (const [name, { role, origin, assumed }] of drafts) {
    clusterRoles.set(name, {
      kind: "ClusterRole",
      namespace: "",
      name,
      labels: role.metadata?.labels ?? {},
      origin,
      rules: rules.get(name) ?? [],
      aggregates: aggregates(role),
      assumed,
    });
  }
  const roles = new Map<string, EffectiveRole>();
  const putRole = ({ object, origin, ruleLines }: Located<Role>, assumed: boolean): void => {
    const [name, namespace] = [object.metadata?.name ?? "", object.metadata?.namespace ?? ""];
    roles.set(`${namespace}/${name}`, {
      kind: "Role",
      namespace,
      name,
      labels: object.metadata?.labels ?? {},
      origin,
      rules: written(name, object.rules, origin, ruleLines),
      aggregates: false,
      assumed,
    });
  };
  for (const object of input.wholeCluster ? [] : standardNamespacedRoles()) {
    putRole({ object, origin: FROM_CLUSTER }, true);
  }
  for (const found of input.roles) putRole(found, false);
  return {
    all: [...clusterRoles.values(), ...roles.values()],
    find: ({ kind, name }, namespace) =>
      kind === "ClusterRole" ? clusterRoles.get(name) : kind === "Role" ? roles.get(`${namespace}/${name}`) : undefined,
  };
}

/** ClusterRoles every cluster is started with. */
export function standardRoles(): readonly ClusterRole[] {
  return bootstrapPolicy({ fineGrained: true }).flatMap((put) => (put.kind === "ClusterRole" ? [put.object] : []));
}

function standardNamespacedRoles(): readonly Role[] {
  return bootstrapPolicy({ fineGrained: true }).flatMap((put) => (put.kind === "Role" ? [put.object] : []));
}

function written(
  name: string,
  rules: readonly PolicyRule[] | undefined,
  origin: Origin,
  lines: readonly number[] | undefined,
): readonly EffectiveRule[] {
  return (rules ?? []).map((rule, index) => ({
    rule,
    writtenIn: name,
    index,
    origin: { file: origin.file, line: lines?.[index] ?? origin.line },
  }));
}

function aggregates(role: ClusterRole): boolean {
  return (role.aggregationRule?.clusterRoleSelectors ?? []).length > 0;
}

/**
 * What the aggregation controller arrives at. A role keeps what stands in it as well: in a cluster that is the
 * controller's own result, in manifests it holds until the controller has run.
 */
function aggregate(drafts: ReadonlyMap<string, Draft>): ReadonlyMap<string, readonly EffectiveRule[]> {
  const result = new Map<string, readonly EffectiveRule[]>([...drafts].map(([name, { own }]) => [name, own]));
  const collectors = [...drafts].filter(([, { role }]) => aggregates(role));
  const members = membersOf(collectors, drafts);
  const identities = new Map<PolicyRule, string>();
  const identity = (rule: PolicyRule): string => {
    const known = identities.get(rule) ?? identityOf(rule);
    identities.set(rule, known);
    return known;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const [name] of collectors) {
      const before = result.get(name) ?? [];
      const merged = new Map(before.map((rule) => [identity(rule.rule), rule]));
      for (const member of members.get(name) ?? []) {
        for (const rule of result.get(member) ?? []) {
          const key = identity(rule.rule);
          const known = merged.get(key);
          // The controller's copy says nothing about where a rule was written; the member does.
          if (known === undefined || (known.writtenIn === name && rule.writtenIn !== name)) merged.set(key, rule);
        }
      }
      const after = [...merged.values()];
      if (after.length !== before.length || after.some((rule, index) => rule !== before[index])) {
        result.set(name, after);
        changed = true;
      }
    }
  }
  return result;
}

function membersOf(
  collectors: readonly (readonly [string, Draft])[],
  drafts: ReadonlyMap<string, Draft>,
): ReadonlyMap<string, readonly string[]> {
  const byLabel = new Map<string, string[]>();
  for (const [name, { role }] of drafts) {
    for (const [key, value] of Object.entries(role.metadata?.labels ?? {})) {
      const label = `${key}=${value}`;
      const named = byLabel.get(label) ?? [];
      named.push(name);
      byLabel.set(label, named);
    }
  }
  return new Map(
    collectors.map(([name, { role }]) => {
      const found = (role.aggregationRule?.clusterRoleSelectors ?? []).flatMap((selector) => {
        const [label] = Object.entries(selector.matchLabels ?? {});
        const candidates = label === undefined ? drafts.keys() : (byLabel.get(`${label[0]}=${label[1]}`) ?? []);
        return [...candidates].filter(
          (candidate) => candidate !== name && selects(selector, drafts.get(candidate)?.role.metadata?.labels ?? {}),
        );
      });
      return [name, [...new Set(found)].sort()];
    }),
  );
}

function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  try {
    return selectsLabels(selector, labels);
  } catch (reason) {
    if (reason instanceof SelectorError) return false;
    throw reason;
  }
}

function identityOf({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string {
  return JSON.stringify([verbs, apiGroups ?? [], resources ?? [], resourceNames ?? [], nonResourceURLs ?? []]);
}
