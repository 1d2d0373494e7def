import { describe, expect, it } from "vitest";
import { confirmNoEscalation, mayBind, mayWriteRole } from "./escalation.ts";
import { createRbacIndex } from "./rbac-index.ts";

const apiGroup = "rbac.authorization.k8s.io";
const jane = { name: "jane", groups: ["dev", "system:authenticated"], extra: {} };

function index() {
  const built = createRbacIndex();
  built.put({
    kind: "ClusterRole",
    object: { metadata: { name: "reader" }, rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] },
  });
  built.put({
    kind: "ClusterRoleBinding",
    object: {
      metadata: { name: "b" },
      roleRef: { apiGroup, kind: "ClusterRole", name: "reader" },
      subjects: [{ kind: "User", name: "jane" }],
    },
  });
  built.put({
    kind: "ClusterRole",
    object: { metadata: { name: "writer" }, rules: [{ verbs: ["update"], apiGroups: [""], resources: ["pods"] }] },
  });
  return built;
}

describe("escalation", () => {
  it("lists what the caller does not hold, sorted, in upstream's words", () => {
    const verdict = confirmNoEscalation(index(), jane, "", [
      { verbs: ["get", "list"], apiGroups: [""], resources: ["pods", "nodes"] },
    ]);
    expect(verdict).toEqual({
      type: "refused",
      message:
        'user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}\n' +
        '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}',
    });
  });

  it("lets a role be written that grants nothing new", () => {
    const role = { metadata: { name: "r" }, rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] };
    expect(mayWriteRole(index(), jane, "", role)).toEqual({ type: "allowed" });
  });

  it("keeps aggregation, new and old, for cluster administrators", () => {
    const plain = { metadata: { name: "r" }, rules: [] };
    const aggregated = { ...plain, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] } };
    const refused = {
      type: "refused",
      message: "must have cluster-admin privileges to use the aggregationRule",
    };
    expect(mayWriteRole(index(), jane, "", aggregated)).toEqual(refused);
    expect(mayWriteRole(index(), jane, "", plain, aggregated)).toEqual(refused);
    expect(mayWriteRole(index(), jane, "", plain, plain)).toEqual({ type: "allowed" });
  });

  it("lets a role be bound whose rules the caller holds, and no other", () => {
    const ref = (name: string) => ({ apiGroup, kind: "ClusterRole", name });
    expect(mayBind(index(), jane, "ns1", ref("reader"))).toEqual({ type: "allowed" });
    expect(mayBind(index(), jane, "ns1", ref("writer")).type).toBe("refused");
    expect(mayBind(index(), jane, "ns1", ref("none"))).toEqual({
      type: "role-missing",
      resource: "clusterroles",
      name: "none",
    });
  });
});
