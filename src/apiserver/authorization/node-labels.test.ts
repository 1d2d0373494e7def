import { describe, expect, it } from "vitest";
import { forbiddenNodeLabels } from "./node-labels.ts";

describe("forbiddenNodeLabels", () => {
  it.each([
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "node.kubernetes.io/anything",
    "sub.kubelet.kubernetes.io/anything",
    "example.com/role",
    "role",
    "notkubernetes.io/x",
  ])("lets a node set %s", (label) => {
    expect(forbiddenNodeLabels({ [label]: "x" })).toEqual([]);
  });

  it.each([
    "node-restriction.kubernetes.io/team",
    "sub.node-restriction.kubernetes.io/team",
    "node-role.kubernetes.io/control-plane",
    "kubernetes.io/anything",
    "x.k8s.io/anything",
    "k8s.io/anything",
  ])("does not let a node add, change or remove %s", (label) => {
    expect(forbiddenNodeLabels({ [label]: "x" })).toEqual([label]);
    expect(forbiddenNodeLabels({ [label]: "x" }, { [label]: "y" })).toEqual([label]);
    expect(forbiddenNodeLabels({}, { [label]: "y" })).toEqual([label]);
    expect(forbiddenNodeLabels({ [label]: "x" }, { [label]: "x" })).toEqual([]);
  });
});
