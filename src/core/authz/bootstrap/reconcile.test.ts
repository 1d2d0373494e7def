import { describe, expect, it } from "vitest";
import type { ClusterRole, ClusterRoleBinding } from "../../../api/types.ts";
import type { RbacObject } from "../rbac-index.ts";
import { bootstrapPolicy } from "./policy.ts";
import { reconcileStep } from "./reconcile.ts";

const marks = {
  labels: { "kubernetes.io/bootstrapping": "rbac-defaults" },
  annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
};
const get = (resource: string) => ({ verbs: ["get"], apiGroups: [""], resources: [resource] });
const role = (object: ClusterRole): RbacObject => ({ kind: "ClusterRole", object });
const binding = (object: ClusterRoleBinding): RbacObject => ({ kind: "ClusterRoleBinding", object });
const expected = role({ metadata: { name: "r", ...marks }, rules: [get("pods"), get("nodes")] });
const ref = (name: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name });
const jane = { kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "jane" };

describe("reconcileStep", () => {
  it("finds nothing to do for what it would create itself", () => {
    for (const entry of bootstrapPolicy({ fineGrained: true })) {
      expect(reconcileStep(entry, undefined).do).toBe("create");
      expect(reconcileStep(entry, entry)).toEqual({ do: "nothing" });
    }
  });

  it("adds missing rules and keeps those that were added", () => {
    const live = role({ metadata: { name: "r", ...marks, uid: "u" }, rules: [get("pods"), get("secrets")] });
    expect(reconcileStep(expected, live)).toEqual({
      do: "update",
      wanted: role({ metadata: { name: "r", ...marks, uid: "u" }, rules: [get("pods"), get("secrets"), get("nodes")] }),
    });
  });

  it("is content with rules that cover the default ones", () => {
    const live = role({ metadata: { name: "r", ...marks }, rules: [{ ...get("*"), verbs: ["*"] }] });
    expect(reconcileStep(expected, live).do).toBe("nothing");
  });

  it("adds labels and annotations but lets those of the live object win", () => {
    const live = role({
      metadata: { name: "r", labels: { "kubernetes.io/bootstrapping": "mine", x: "y" } },
      rules: [get("pods"), get("nodes")],
    });
    const step = reconcileStep(expected, live);
    expect(step.do === "update" && step.wanted.object.metadata).toEqual({
      name: "r",
      labels: { "kubernetes.io/bootstrapping": "mine", x: "y" },
      annotations: marks.annotations,
    });
  });

  it("leaves protected objects alone, and says so only when something is missing", () => {
    const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "false" };
    const live = role({ metadata: { name: "r", labels: marks.labels, annotations }, rules: [] });
    expect(reconcileStep(expected, live).do).toBe("leave-protected");
    const complete = role({ ...live.object, rules: [get("pods"), get("nodes")] });
    expect(reconcileStep(expected, complete).do).toBe("nothing");
  });

  it("takes an unexpected aggregation rule away", () => {
    const live = role({
      metadata: { name: "r", ...marks },
      rules: [get("pods"), get("nodes")],
      aggregationRule: { clusterRoleSelectors: [{}] },
    });
    const step = reconcileStep(expected, live);
    expect(step.do === "update" && "aggregationRule" in step.wanted.object).toBe(false);
  });

  it("unites the selectors of aggregated roles and leaves their rules to the controller", () => {
    const select = (label: string) => ({ matchLabels: { [label]: "true" } });
    const wanted = role({
      metadata: { name: "r", ...marks },
      rules: [],
      aggregationRule: { clusterRoleSelectors: [select("a")] },
    });
    const live = role({
      metadata: { name: "r", ...marks },
      rules: [get("pods")],
      aggregationRule: { clusterRoleSelectors: [select("b")] },
    });
    expect(reconcileStep(wanted, live)).toEqual({
      do: "update",
      wanted: role({ ...live.object, aggregationRule: { clusterRoleSelectors: [select("b"), select("a")] } }),
    });
  });

  it("adds missing subjects and replaces a binding to another role", () => {
    const wanted = binding({ metadata: { name: "b", ...marks }, roleRef: ref("r"), subjects: [jane] });
    const joe = { kind: "User", name: "joe" };
    const live = binding({ metadata: { name: "b", ...marks }, roleRef: ref("r"), subjects: [joe] });
    expect(reconcileStep(wanted, live)).toEqual({
      do: "update",
      wanted: binding({ metadata: { name: "b", ...marks }, roleRef: ref("r"), subjects: [joe, jane] }),
    });
    const foreign = binding({ metadata: { name: "b", ...marks }, roleRef: ref("other"), subjects: [jane] });
    expect(reconcileStep(wanted, foreign)).toEqual({ do: "recreate", wanted });
  });
});
