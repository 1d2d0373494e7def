import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClusterRole, ClusterRoleBinding, PolicyRule, RoleBinding, Subject } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import { createRbacIndex } from "../authz/rbac-index.ts";
import { aggregatedRules } from "../authz/role-aggregation.ts";
import { createAudit } from "./audit.ts";
import { createAuditInput } from "./input-builder.ts";
import { KUBELET_ACTIONS, permissionsAtApiServer, permissionsAtKubelet } from "./kubelet-actions.ts";
import type { NodeScope } from "./kubelet-access.ts";
import { parseKubeletVersion } from "./node-classes.ts";
import { impliedGroups, type Principal } from "./principals.ts";

const GROUP = "rbac.authorization.k8s.io";
const NODES = [
  { name: "old", version: "v1.31.4" },
  { name: "middle", version: "v1.34.0" },
  { name: "new", version: "v1.37.1" },
  { name: "own", version: "v1.36.0+orlop.0.1.0" },
];
const PEOPLE: readonly Principal[] = [
  { kind: "User", name: "jane" },
  { kind: "ServiceAccount", name: "system:serviceaccount:a:agent" },
  { kind: "ServiceAccount", name: "system:serviceaccount:b:agent" },
  { kind: "Group", name: "system:serviceaccounts:a" },
];

const some = <T>(...values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values], { minLength: 1 });
const rule: fc.Arbitrary<PolicyRule> = fc.record(
  {
    verbs: some("get", "create", "update", "list", "*"),
    apiGroups: some("", "*", "apps"),
    resources: some("nodes/proxy", "*/proxy", "*", "nodes/*", "nodes", "nodes/metrics", "nodes/pods", "*/log", "pods"),
    resourceNames: some("old", "new", "own", "elsewhere"),
  },
  { requiredKeys: ["verbs"] },
);
const label = fc.constantFrom("x", "y", "z");
const role = fc.record({
  rules: fc.array(rule, { maxLength: 3 }),
  labelled: fc.option(label),
  collects: fc.option(label),
});
const subject: fc.Arbitrary<Subject> = fc.constantFrom<Subject>(
  { kind: "User", name: "jane" },
  { kind: "User", name: "system:serviceaccount:b:agent" },
  { kind: "ServiceAccount", name: "agent", namespace: "a" },
  { kind: "Group", name: "system:serviceaccounts:a" },
  { kind: "Group", name: "system:serviceaccounts" },
  { kind: "Group", name: "system:authenticated" },
);
const binding = fc.record({
  role: fc.nat({ max: 5 }),
  namespace: fc.constantFrom("", "", "a"),
  subjects: fc.array(subject, { maxLength: 2 }),
});

interface Cluster {
  readonly roles: readonly ClusterRole[];
  readonly bindings: readonly (ClusterRoleBinding & RoleBinding)[];
}

const cluster: fc.Arbitrary<Cluster> = fc
  .record({ roles: fc.array(role, { maxLength: 5 }), bindings: fc.array(binding, { maxLength: 8 }) })
  .map(({ roles, bindings }) => ({
    roles: roles.map(({ rules, labelled, collects }, index) => ({
      metadata: { name: `role-${index}`, labels: labelled === null ? {} : { collect: labelled } },
      rules: collects === null ? rules : [],
      ...(collects !== null && {
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: { collect: collects } }] },
      }),
    })),
    bindings: bindings.map(({ role: number, namespace, subjects }, index) => ({
      metadata: { name: `binding-${index}`, ...(namespace !== "" && { namespace }) },
      roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: `role-${number}` },
      subjects,
    })),
  }));

/** What the aggregation controller would arrive at: in circles the order of rules never settles, what they say does. */
function settled(roles: readonly ClusterRole[], rounds = roles.length + 1): readonly ClusterRole[] {
  if (rounds === 0) return roles;
  const next = roles.map((one) => ({ ...one, rules: [...(aggregatedRules(one, roles) ?? one.rules ?? [])] }));
  return settled(next, rounds - 1);
}

function covers(scope: NodeScope, node: string): boolean {
  const minor = parseKubeletVersion(NODES.find(({ name }) => name === node)?.version ?? "");
  const nodeClass = `1.${minor?.minor}${minor?.orlop === true ? "+orlop" : ""}`;
  if (scope.scope === "named") return scope.names.includes(node);
  return scope.scope === "all" || scope.classes.includes(nodeClass);
}

function asUser(principal: Principal): User {
  return principal.kind === "Group"
    ? { name: "nobody in particular", groups: [principal.name], extra: {} }
    : { name: principal.name, groups: impliedGroups(principal), extra: {} };
}

describe("what the audit says of a subject", () => {
  it("is what the RBAC authorizer would answer to each question a kubelet or the API server asks", () => {
    fc.assert(
      fc.property(cluster, ({ roles, bindings }) => {
        const builder = createAuditInput({ defaultNamespace: "default", wholeCluster: true });
        const index = createRbacIndex();
        const add = (kind: string, value: object): void =>
          builder.add({ value: { apiVersion: `${GROUP}/v1`, kind, ...value }, origin: { file: "", line: 0 } });
        for (const one of roles) add("ClusterRole", one);
        for (const object of settled(roles)) index.put({ kind: "ClusterRole", object });
        for (const object of bindings) {
          const kind = object.metadata?.namespace === undefined ? "ClusterRoleBinding" : "RoleBinding";
          add(kind, object);
          index.put({ kind, object });
        }
        for (const { name, version } of NODES) {
          const status = { nodeInfo: { kubeletVersion: version } };
          builder.add({
            value: { apiVersion: "v1", kind: "Node", metadata: { name }, status },
            origin: { file: "", line: 0 },
          });
        }
        builder.setApiServerVersion("v1.36.0");
        const audit = createAudit(builder.finish(), { generatedAt: "", source: "", assumedKubelet: "1.36" });
        for (const principal of PEOPLE) {
          const { actions } = audit.subject(principal);
          const user = asUser(principal);
          const allowed = (verb: string, subresource: string, name: string): boolean =>
            index.decide({
              type: "resource",
              user,
              verb,
              group: "",
              version: "v1",
              resource: "nodes",
              subresource,
              namespace: "",
              name,
            }).decision === "allow";
          for (const action of KUBELET_ACTIONS) {
            const routes = actions.find((found) => found.action === action.name)?.routes ?? [];
            for (const { name, version } of NODES) {
              const profile = parseKubeletVersion(version);
              if (profile === undefined) throw new Error(version);
              const said = (through: string): boolean =>
                routes.some((route) => route.through === through && covers(route.nodes, name));
              const where = `${principal.name} ${action.name} ${name}`;
              expect(said("kubelet"), `${where} at the kubelet`).toBe(
                permissionsAtKubelet(action, profile).some((one) => allowed(one.verb, one.subresource, name)),
              );
              expect(said("api-server"), `${where} through the API server`).toBe(
                permissionsAtApiServer(action, { orlop: false }).some((one) =>
                  allowed(one.verb, one.subresource, name),
                ),
              );
            }
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
