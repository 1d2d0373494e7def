import { describe, expect, it } from "vitest";
import type { User } from "../../../api/user.ts";
import type { ResourceAttributes } from "../attributes.ts";
import { createRbacIndex, type RbacObject } from "../rbac-index.ts";
import { aggregatedRules } from "../role-aggregation.ts";
import { bootstrapPolicy } from "./policy.ts";

function clusterOf(...more: RbacObject[]) {
  const index = createRbacIndex();
  const policy = [...bootstrapPolicy({ fineGrained: true }), ...more];
  for (const entry of policy) index.put(entry);
  const roles = policy.flatMap((entry) => (entry.kind === "ClusterRole" ? [entry.object] : []));
  // Twice: "admin" collects "edit", which collects "view".
  for (let round = 0; round < 3; round++) {
    for (const [place, role] of roles.entries()) {
      const rules = aggregatedRules(role, roles);
      if (rules === undefined) continue;
      roles[place] = { ...role, rules };
      index.put({ kind: "ClusterRole", object: { ...role, rules } });
    }
  }
  return index;
}

function asked(who: User, text: string, namespace = ""): ResourceAttributes {
  const [verb = "", target = "", name = ""] = text.split(" ");
  const [resource = "", subresource = ""] = target.split("/");
  return {
    type: "resource",
    user: who,
    verb,
    group: "",
    version: "v1",
    resource,
    subresource,
    namespace,
    name,
  };
}

const someone = (name: string, ...groups: string[]): User => ({ name, groups, extra: {} });
const bound = (role: string, name: string, namespace?: string): RbacObject => {
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role };
  const subjects = [{ kind: "User", name }];
  return namespace === undefined
    ? { kind: "ClusterRoleBinding", object: { metadata: { name: "t" }, roleRef, subjects } }
    : { kind: "RoleBinding", object: { metadata: { name: "t", namespace }, roleRef, subjects } };
};

describe("bootstrapPolicy", () => {
  it("marks every object for reconciliation and names none twice", () => {
    const policy = bootstrapPolicy({ fineGrained: true });
    const keys = policy.map(({ kind, object }) => `${kind} ${object.metadata?.namespace}/${object.metadata?.name}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const { object } of policy) {
      expect(object.metadata?.labels?.["kubernetes.io/bootstrapping"]).toBe("rbac-defaults");
      expect(object.metadata?.annotations?.["rbac.authorization.kubernetes.io/autoupdate"]).toBe("true");
    }
  });

  it("binds only roles that exist", () => {
    const policy = bootstrapPolicy({ fineGrained: true });
    const index = createRbacIndex();
    for (const entry of policy) index.put(entry);
    for (const entry of policy) {
      if (entry.kind !== "ClusterRoleBinding" && entry.kind !== "RoleBinding") continue;
      expect(index.rulesOfRole(entry.object.roleRef, entry.object.metadata?.namespace ?? "").ok).toBe(true);
    }
  });

  it("gives the holder of system:kubelet-api-admin every subresource of the announcement", () => {
    const index = clusterOf(bound("system:kubelet-api-admin", "ann"));
    const ann = someone("ann");
    const all = ["proxy", "stats", "metrics", "log", "spec", "checkpoint", "configz", "healthz", "pods", "statusz"];
    for (const subresource of all) {
      for (const verb of ["get", "create", ""]) {
        const decision = index.decide(asked(ann, `${verb} nodes/${subresource} n1`)).decision;
        expect(decision, `${verb} ${subresource}`).toBe("allow");
      }
    }
    expect(index.decide(asked(ann, "update nodes n1")).decision).toBe("no-opinion");
  });

  it("binds system:kubelet-api-admin to the API server's kubelet client and to nobody else", () => {
    const holders = clusterOf()
      .whoCan(asked(someone(""), "create nodes/proxy n1"))
      .map(({ subject }) => subject.name);
    expect(holders).toEqual(["system:masters", "kubeadm:cluster-admins", "kube-apiserver-kubelet-client"]);
  });

  it("has no fine-grained kubelet permissions before the gate", () => {
    const index = createRbacIndex();
    for (const entry of bootstrapPolicy({ fineGrained: false })) index.put(entry);
    index.put(bound("system:kubelet-api-admin", "ann"));
    expect(index.decide(asked(someone("ann"), "get nodes/pods n1")).decision).toBe("no-opinion");
    expect(index.decide(asked(someone("ann"), "get nodes/proxy n1")).decision).toBe("allow");
  });

  it("adds up view, edit and admin", () => {
    for (const [role, may, mayNot] of [
      ["view", ["get pods", "list configmaps", "get pods/log"], ["get secrets", "create pods/exec", "get pods/exec"]],
      ["edit", ["get pods", "create pods/exec", "get secrets"], ["create rolebindings", "get nodes"]],
      ["admin", ["get pods", "create pods/exec"], ["get nodes", "get nodes/proxy"]],
    ] as const) {
      const index = clusterOf(bound(role, "ann", "ns1"));
      for (const text of may) {
        expect(index.decide(asked(someone("ann"), text, "ns1")).decision, `${role} ${text}`).toBe("allow");
      }
      for (const text of mayNot) {
        expect(index.decide(asked(someone("ann"), text, "ns1")).decision, `${role} ${text}`).toBe("no-opinion");
      }
    }
  });

  it("tells everybody the version and the health, but lists APIs only to those who are known", () => {
    const index = clusterOf();
    const ask = (user: User, path: string) =>
      index.decide({ type: "non-resource", user, verb: "get", path }).decision === "allow";
    const anonymous = someone("system:anonymous", "system:unauthenticated");
    const known = someone("ann", "system:authenticated");
    expect(ask(anonymous, "/version")).toBe(true);
    expect(ask(anonymous, "/readyz")).toBe(true);
    expect(ask(anonymous, "/api")).toBe(false);
    expect(ask(anonymous, "/metrics")).toBe(false);
    expect(ask(known, "/apis/apps/v1")).toBe(true);
    expect(ask(known, "/metrics")).toBe(false);
  });

  it("gives nodes nothing through RBAC", () => {
    expect(clusterOf().decide(asked(someone("system:node:n1", "system:nodes"), "get nodes n1")).decision).toBe(
      "no-opinion",
    );
  });
});
