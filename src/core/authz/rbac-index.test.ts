import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import type { Attributes, ResourceAttributes } from "./attributes.ts";
import { createRbacIndex, type RbacObject } from "./rbac-index.ts";
import { ruleAllows } from "./rule-matching.ts";

const apiGroup = "rbac.authorization.k8s.io";
const podReader: PolicyRule = { apiGroups: [""], resources: ["pods"], verbs: ["get"] };

function user(name: string, ...groups: string[]): User {
  return { name, groups, extra: {} };
}

function get(who: User, change: Partial<ResourceAttributes> = {}): ResourceAttributes {
  return {
    type: "resource",
    user: who,
    verb: "get",
    group: "",
    version: "v1",
    resource: "pods",
    subresource: "",
    namespace: "",
    name: "",
    ...change,
  };
}

function clusterRole(name: string, ...rules: PolicyRule[]): RbacObject {
  return { kind: "ClusterRole", object: { metadata: { name }, rules } };
}

function role(namespace: string, name: string, ...rules: PolicyRule[]): RbacObject {
  return { kind: "Role", object: { metadata: { namespace, name }, rules } };
}

function clusterBinding(name: string, roleName: string, ...subjects: Subject[]): RbacObject {
  const roleRef = { apiGroup, kind: "ClusterRole", name: roleName };
  return { kind: "ClusterRoleBinding", object: { metadata: { name }, roleRef, subjects } };
}

function binding(namespace: string, name: string, kind: string, roleName: string, ...subjects: Subject[]): RbacObject {
  return {
    kind: "RoleBinding",
    object: { metadata: { namespace, name }, roleRef: { apiGroup, kind, name: roleName }, subjects },
  };
}

function indexOf(...objects: RbacObject[]) {
  const index = createRbacIndex();
  for (const object of objects) index.put(object);
  return index;
}

describe("createRbacIndex", () => {
  it("says which binding allowed", () => {
    const index = indexOf(
      clusterRole("reader", podReader),
      clusterBinding("b", "reader", { kind: "Group", name: "dev" }, { kind: "User", name: "jane" }),
    );
    expect(index.decide(get(user("jane")))).toEqual({
      decision: "allow",
      reason: 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "reader" to User "jane"',
    });
    expect(index.decide(get(user("jane", "dev"))).reason).toContain('to Group "dev"');
    expect(index.decide(get(user("joe")))).toEqual({ decision: "no-opinion", reason: "" });
  });

  it("takes ServiceAccounts by their user name, in the namespace of the RoleBinding unless told otherwise", () => {
    const index = indexOf(
      role("ns1", "reader", podReader),
      binding("ns1", "here", "Role", "reader", { kind: "ServiceAccount", name: "robot" }),
      binding("ns1", "there", "Role", "reader", { kind: "ServiceAccount", name: "robot", namespace: "ns2" }),
    );
    expect(index.decide(get(user("system:serviceaccount:ns1:robot"), { namespace: "ns1" })).reason).toBe(
      'RBAC: allowed by RoleBinding "here/ns1" of Role "reader" to ServiceAccount "robot/ns1"',
    );
    expect(index.decide(get(user("system:serviceaccount:ns2:robot"), { namespace: "ns1" })).reason).toBe(
      'RBAC: allowed by RoleBinding "there/ns1" of Role "reader" to ServiceAccount "robot/ns2"',
    );
    expect(index.decide(get(user("system:serviceaccount:ns3:robot"), { namespace: "ns1" })).decision).toBe(
      "no-opinion",
    );
  });

  it("does not let a ServiceAccount without namespace in a ClusterRoleBinding match anybody", () => {
    const index = indexOf(
      clusterRole("reader", podReader),
      clusterBinding("b", "reader", { kind: "ServiceAccount", name: "robot" }),
    );
    expect(index.decide(get(user("system:serviceaccount::robot"))).decision).toBe("no-opinion");
  });

  it("takes a star as a literal name in subjects", () => {
    const index = indexOf(clusterRole("reader", podReader), clusterBinding("b", "reader", { kind: "User", name: "*" }));
    expect(index.decide(get(user("jane"))).decision).toBe("no-opinion");
  });

  it("grants nothing cluster-wide, and nothing elsewhere, by RoleBindings", () => {
    const index = indexOf(
      clusterRole("kubelet", { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] }),
      binding("ns1", "b", "ClusterRole", "kubelet", { kind: "User", name: "jane" }),
    );
    const ask = { resource: "nodes", subresource: "metrics", name: "n1" };
    expect(index.decide(get(user("jane"), ask)).decision).toBe("no-opinion");
    expect(index.decide(get(user("jane"), { ...ask, namespace: "ns2" })).decision).toBe("no-opinion");
    expect(index.decide(get(user("jane"), { ...ask, namespace: "ns1" })).decision).toBe("allow");
  });

  it("names missing roles but goes on", () => {
    const jane: Subject = { kind: "User", name: "jane" };
    const index = indexOf(
      clusterBinding("a", "gone", jane),
      binding("ns1", "b", "Role", "lost", jane),
      binding("ns1", "c", "Role", "lost", jane),
    );
    expect(index.decide(get(user("jane"), { namespace: "ns1" }))).toEqual({
      decision: "no-opinion",
      reason:
        'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "lost" not found]',
    });
    index.put(clusterRole("ok", podReader));
    index.put(clusterBinding("d", "ok", jane));
    expect(index.decide(get(user("jane"), { namespace: "ns1" })).decision).toBe("allow");
  });

  it("lists who can, with the binding it is through", () => {
    const index = indexOf(
      clusterRole("reader", podReader),
      clusterBinding("b", "reader", { kind: "Group", name: "dev" }),
      binding("ns1", "c", "ClusterRole", "reader", { kind: "User", name: "jane" }),
    );
    const found = index.whoCan(get(user(""), { namespace: "ns1" }));
    expect(found.map(({ bindingName, subject }) => [bindingName, subject.name])).toEqual([
      ["b", "dev"],
      ["c", "jane"],
    ]);
  });

  it("agrees with walking through all bindings, after any history of changes", () => {
    const names = fc.constantFrom("a", "b", "c");
    const namespaces = fc.constantFrom("ns1", "ns2");
    const subjects: fc.Arbitrary<Subject> = fc.oneof(
      fc.record({ kind: fc.constantFrom("User", "Group"), name: names }),
      fc.record({ kind: fc.constant("ServiceAccount"), name: names }),
      fc.record({ kind: fc.constant("ServiceAccount"), name: names, namespace: namespaces }),
    );
    const rules = fc.array(
      fc.record({
        apiGroups: fc.constant([""]),
        resources: fc.subarray(["pods", "nodes", "*"]),
        verbs: fc.subarray(["get", "list", "*"], { minLength: 1 }),
      }),
      { maxLength: 2 },
    );
    const roleRef = fc.record({
      apiGroup: fc.constant(apiGroup),
      kind: fc.constantFrom("ClusterRole", "Role"),
      name: names,
    });
    const bound = fc.record({ roleRef, subjects: fc.array(subjects, { maxLength: 3 }) });
    const named = fc.record({ name: names });
    const namespaced = fc.record({ name: names, namespace: namespaces });
    const object: fc.Arbitrary<RbacObject> = fc.oneof(
      fc
        .tuple(named, rules)
        .map(([metadata, rules]): RbacObject => ({ kind: "ClusterRole", object: { metadata, rules } })),
      fc
        .tuple(namespaced, rules)
        .map(([metadata, rules]): RbacObject => ({ kind: "Role", object: { metadata, rules } })),
      fc
        .tuple(named, bound)
        .map(([metadata, rest]): RbacObject => ({ kind: "ClusterRoleBinding", object: { metadata, ...rest } })),
      fc
        .tuple(namespaced, bound)
        .map(([metadata, rest]): RbacObject => ({ kind: "RoleBinding", object: { metadata, ...rest } })),
    );
    const history = fc.array(fc.record({ put: fc.boolean(), object }), { maxLength: 30 });
    const who = fc.oneof(
      fc.record({ name: names, groups: fc.uniqueArray(names), extra: fc.constant({}) }),
      fc.tuple(namespaces, names).map(([namespace, name]) => user(`system:serviceaccount:${namespace}:${name}`, "a")),
    );
    const asked = fc.record({
      resource: fc.constantFrom("pods", "nodes"),
      verb: fc.constantFrom("get", "list", "watch"),
      namespace: fc.constantFrom("", "ns1", "ns2"),
    });
    fc.assert(
      fc.property(history, who, asked, (steps, caller, change) => {
        const index = createRbacIndex();
        const live = new Map<string, RbacObject>();
        for (const { put, object } of steps) {
          const key = [object.kind, object.object.metadata?.namespace, object.object.metadata?.name].join("/");
          if (put) {
            index.put(object);
            live.set(key, object);
          } else {
            index.remove(object);
            live.delete(key);
          }
        }
        const attributes = get(caller, change);
        const answer = index.decide(attributes);
        const reasons = naiveReasons([...live.values()], attributes);
        if (reasons.length === 0) expect(answer.decision).toBe("no-opinion");
        else expect(reasons).toContain(answer.reason);
      }),
      { numRuns: 500 },
    );
  });
});

/** Every reason there is to allow this, found the slow way. */
function naiveReasons(all: readonly RbacObject[], attributes: Attributes): readonly string[] {
  const namespace = attributes.type === "resource" ? attributes.namespace : "";
  return all.flatMap((entry) => {
    if (entry.kind !== "ClusterRoleBinding" && entry.kind !== "RoleBinding") return [];
    const found: ClusterRoleBinding | RoleBinding = entry.object;
    const own = found.metadata?.namespace ?? "";
    if (entry.kind === "RoleBinding" && (namespace === "" || own !== namespace)) return [];
    const rules = all
      .filter((other) => other.kind === found.roleRef.kind && other.object.metadata?.name === found.roleRef.name)
      .map((other): Role | ClusterRole => other.object as Role)
      .filter((target) => found.roleRef.kind !== "Role" || target.metadata?.namespace === own)
      .flatMap((target) => target.rules ?? []);
    if (!rules.some((rule) => ruleAllows(rule, attributes))) return [];
    const subject = (found.subjects ?? []).find((one) => fits(one, own, attributes.user));
    if (subject === undefined) return [];
    const home = subject.namespace ?? own;
    const name = subject.kind === "ServiceAccount" ? `${subject.name}/${home}` : subject.name;
    const bindingName = `${found.metadata?.name}${entry.kind === "RoleBinding" ? `/${own}` : ""}`;
    return [
      `RBAC: allowed by ${entry.kind} "${bindingName}" of ${found.roleRef.kind} "${found.roleRef.name}" to ${subject.kind} "${name}"`,
    ];
  });
}

function fits(subject: Subject, bindingNamespace: string, who: User): boolean {
  if (subject.kind === "User") return who.name === subject.name;
  if (subject.kind === "Group") return who.groups.includes(subject.name);
  const namespace = subject.namespace ?? bindingNamespace;
  return namespace !== "" && who.name === `system:serviceaccount:${namespace}:${subject.name}`;
}
