import { describe, expect, it } from "vitest";
import type { PersistentVolume, Pod } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import type { ResourceAttributes } from "./attributes.ts";
import { decideForNode } from "./node-authorizer.ts";
import { createNodeGraph } from "./node-graph.ts";
import { nodeIdentity } from "./node-identity.ts";

const node1: User = { name: "system:node:node1", groups: ["system:nodes", "system:authenticated"], extra: {} };

function pod(name: string, nodeName: string, spec: Partial<NonNullable<Pod["spec"]>> = {}, mirror = false): Pod {
  return {
    metadata: {
      name,
      namespace: "ns1",
      ...(mirror && { annotations: { "kubernetes.io/config.mirror": "x" } }),
    },
    spec: { containers: [], nodeName, ...spec },
  };
}

const full = pod("full", "node1", {
  serviceAccountName: "robot",
  imagePullSecrets: [{ name: "pull" }],
  initContainers: [
    { name: "i", envFrom: [{ secretRef: { name: "env-from" } }, { configMapRef: { name: "cm-from" } }] },
  ],
  containers: [
    {
      name: "c",
      env: [
        { name: "A", valueFrom: { secretKeyRef: { name: "env-key", key: "k" } } },
        { name: "B", valueFrom: { configMapKeyRef: { name: "cm-key", key: "k" } } },
      ],
    },
  ],
  volumes: [
    { name: "s", secret: { secretName: "vol" } },
    { name: "c", configMap: { name: "cm-vol" } },
    { name: "p", projected: { sources: [{ secret: { name: "proj" } }, { configMap: { name: "cm-proj" } }] } },
    { name: "claim", persistentVolumeClaim: { claimName: "claim1" } },
    { name: "eph", ephemeral: { volumeClaimTemplate: { spec: {} } } },
    { name: "csi", csi: { driver: "d", nodePublishSecretRef: { name: "csi" } } },
  ],
});

const volume: PersistentVolume = {
  metadata: { name: "pv1" },
  spec: {
    claimRef: { namespace: "ns1", name: "claim1" },
    csi: {
      driver: "d",
      volumeHandle: "h",
      nodeStageSecretRef: { name: "stage", namespace: "other" },
      controllerPublishSecretRef: { name: "controller", namespace: "other" },
    },
  },
};

function graph() {
  const built = createNodeGraph();
  built.putPod(full);
  built.putPod(pod("elsewhere", "node2", { serviceAccountName: "foreign" }));
  built.putPod(pod("mirror", "node1", { volumes: [{ name: "s", secret: { secretName: "stolen" } }] }, true));
  built.putVolume(volume);
  built.putAttachment({
    metadata: { name: "va1" },
    spec: { attacher: "a", nodeName: "node1", source: {} },
  });
  return built;
}

/** "verb resource[.group][/subresource] [namespace/]name". */
function ask(text: string, change: Partial<ResourceAttributes> = {}, user = node1, on = graph()): string {
  const [verb = "", target = "", named = ""] = text.split(" ");
  const [typed = "", subresource = ""] = target.split("/");
  const [resource = "", ...group] = typed.split(".");
  const [name = "", namespace = ""] = named.split("/").toReversed();
  const decision = decideForNode(on, {
    type: "resource",
    user,
    verb,
    group: group.join("."),
    version: "v1",
    resource,
    subresource,
    namespace,
    name,
    ...change,
  });
  return decision.decision === "allow" ? "allow" : decision.reason;
}

describe("decideForNode", () => {
  it.each([
    "get secrets ns1/pull",
    "get secrets ns1/env-from",
    "get secrets ns1/env-key",
    "watch secrets ns1/vol",
    "list secrets ns1/proj",
    "get secrets ns1/csi",
    "get secrets other/stage",
    "get configmaps ns1/cm-from",
    "get configmaps ns1/cm-key",
    "watch configmaps ns1/cm-vol",
    "get configmaps ns1/cm-proj",
    "get persistentvolumeclaims ns1/claim1",
    "get persistentvolumeclaims ns1/full-eph",
    "patch persistentvolumeclaims/status ns1/claim1",
    "get persistentvolumes pv1",
    "get volumeattachments.storage.k8s.io va1",
    "create serviceaccounts/token ns1/robot",
    "get serviceaccounts ns1/robot",
    "get pods ns1/full",
    "watch pods ns1/full",
    "create pods ns1/",
    "delete pods ns1/full",
    "patch pods/status ns1/anything",
    "create pods/eviction ns1/full",
    "get nodes node1",
    "watch nodes node1",
    "create nodes",
    "patch nodes/status node1",
    "get leases.coordination.k8s.io kube-node-lease/node1",
    "create leases.coordination.k8s.io kube-node-lease/",
    "get csinodes.storage.k8s.io node1",
    "create tokenreviews.authentication.k8s.io",
    "create subjectaccessreviews.authorization.k8s.io",
    "list services",
    "watch csidrivers.storage.k8s.io",
    "list runtimeclasses.node.k8s.io",
    "create events ns1/",
    "create certificatesigningrequests.certificates.k8s.io",
  ])("allows %s", (text) => {
    expect(ask(text)).toBe("allow");
  });

  it.each([
    ["get secrets ns1/other", "no relationship found between node 'node1' and this object"],
    ["get secrets ns1/stolen", "no relationship found between node 'node1' and this object"],
    ["get secrets other/controller", "no relationship found between node 'node1' and this object"],
    ["get secrets ns2/pull", "no relationship found between node 'node1' and this object"],
    ["list secrets ns1/", "No Object name found"],
    ["list secrets", "can only read namespaced object of this type"],
    ["update secrets ns1/pull", "can only read resources of this type"],
    ["get secrets/status ns1/pull", "cannot read subresource"],
    ["list persistentvolumes", "can only get individual resources of this type"],
    ["get persistentvolumes pv2", "no relationship found between node 'node1' and this object"],
    ["get persistentvolumes/status pv1", "cannot get subresource"],
    ["update persistentvolumeclaims ns1/claim1", "can only get individual resources of this type"],
    ["get persistentvolumeclaims/status ns1/claim1", "can only get/update/patch this type"],
    ["create serviceaccounts/token ns1/foreign", "no relationship found between node 'node1' and this object"],
    ["create serviceaccounts/token ns1/", "can only create tokens for individual service accounts"],
    ["create serviceaccounts ns1/robot", "can only create token subresource of serviceaccount"],
    ["list serviceaccounts ns1/", "can only create tokens for individual service accounts"],
    ["get pods ns1/elsewhere", "no relationship found between node 'node1' and this object"],
    ["list pods", "can only list/watch pods with spec.nodeName field selector"],
    ["update pods ns1/full", ""],
    ["create pods/exec ns1/full", ""],
    ["list nodes", "node 'node1' cannot read all nodes, only its own Node object"],
    ["get nodes node2", "node 'node1' cannot read 'node2', only its own Node object"],
    ["get nodes/proxy node1", ""],
    ["delete nodes node1", ""],
    [
      "get leases.coordination.k8s.io kube-system/node1",
      'can only access leases in the "kube-node-lease" system namespace',
    ],
    [
      "get leases.coordination.k8s.io kube-node-lease/node2",
      "can only access node lease with the same name as the requesting node",
    ],
    ["list leases.coordination.k8s.io kube-node-lease/", "can only get, create, update, patch, or delete a node lease"],
    ["get csinodes.storage.k8s.io node2", "can only access CSINode with the same name as the requesting node"],
    ["create constructor", ""],
    ["get rolebindings.rbac.authorization.k8s.io ns1/x", ""],
  ])("refuses %s", (text, reason) => {
    expect(ask(text)).toBe(reason);
  });

  it("lets a node list its pods only with a selector for exactly itself", () => {
    const selected = (field: string, operator: "=" | "!=", value: string) => ({
      fieldSelector: [{ field, operator, value }],
    });
    expect(ask("list pods", selected("spec.nodeName", "=", "node1"))).toBe("allow");
    expect(ask("watch pods", selected("spec.nodeName", "=", "node1"))).toBe("allow");
    expect(ask("list pods", selected("spec.nodeName", "=", "node2"))).not.toBe("allow");
    expect(ask("list pods", selected("spec.nodeName", "!=", "node2"))).not.toBe("allow");
    expect(ask("list pods", selected("status.phase", "=", "Running"))).not.toBe("allow");
  });

  it("has no opinion about others and knows nodes by name and group together", () => {
    expect(nodeIdentity(node1)).toBe("node1");
    expect(nodeIdentity({ ...node1, groups: ["system:authenticated"] })).toBeUndefined();
    expect(nodeIdentity({ ...node1, name: "jane" })).toBeUndefined();
    const unnamed = { ...node1, name: "system:node:" };
    expect(ask("get nodes node1", {}, unnamed)).toBe('unknown node for user "system:node:"');
  });

  it("forgets what pods needed when they go, and not before", () => {
    const on = graph();
    on.putPod(pod("second", "node1", { imagePullSecrets: [{ name: "pull" }] }));
    on.removePod("ns1", "full");
    expect(ask("get secrets ns1/pull", {}, node1, on)).toBe("allow");
    expect(ask("get secrets ns1/vol", {}, node1, on)).not.toBe("allow");
    expect(ask("get persistentvolumes pv1", {}, node1, on)).not.toBe("allow");
    expect(ask("get secrets other/stage", {}, node1, on)).not.toBe("allow");
    on.removePod("ns1", "second");
    expect(ask("get secrets ns1/pull", {}, node1, on)).not.toBe("allow");
  });

  it("follows a volume to its new claim", () => {
    const on = graph();
    on.putVolume({ ...volume, spec: { ...volume.spec, claimRef: { namespace: "ns1", name: "unbound" } } });
    expect(ask("get persistentvolumes pv1", {}, node1, on)).not.toBe("allow");
    on.removeVolume("pv1");
    on.putVolume(volume);
    expect(ask("get persistentvolumes pv1", {}, node1, on)).toBe("allow");
  });
});
