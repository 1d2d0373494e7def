import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec } from "../../api/types.ts";
import { decidePlacement } from "./decide-placement.ts";
import { filterNode } from "./filter-node.ts";
import { type NodeView, viewNode } from "./node-view.ts";
import { priorityOf } from "./preemption.ts";
import { NO_STORAGE } from "./storage-view.ts";
import { volumeRulesOf } from "./volume-rules.ts";

const node = (name: string, more: Partial<Node> = {}, amounts: Readonly<Record<string, string>> = {}): Node => ({
  ...more,
  metadata: { name, ...more.metadata },
  status: { allocatable: { cpu: "4", memory: "8Gi", pods: "10", ...amounts } },
});
const pod = (name: string, requests: Readonly<Record<string, string>> = {}, spec: Partial<PodSpec> = {}): Pod => ({
  metadata: { namespace: "x", name, uid: name },
  spec: { containers: [{ name: "c", image: "i", resources: { requests } }], ...spec },
});
const decide = (one: Pod, ...views: readonly NodeView[]): string => {
  const placement = decidePlacement(one, views);
  return placement.decision === "bind"
    ? placement.nodeName
    : placement.decision === "preempt"
      ? "preempt"
      : placement.message;
};

describe("decidePlacement()", () => {
  it.each([
    [
      "resources",
      pod("p", { cpu: "5", memory: "9Gi", "example.com/gpu": "1" }),
      node("a"),
      "1 Insufficient cpu, 1 Insufficient example.com/gpu, 1 Insufficient memory",
    ],
    ["number of pods", pod("p"), node("a", {}, { pods: "0" }), "1 Too many pods"],
    ["cordon", pod("p"), node("a", { spec: { unschedulable: true } }), "1 node(s) were unschedulable"],
    [
      "taint",
      pod("p"),
      node("a", { spec: { taints: [{ key: "k", effect: "NoExecute" }] } }),
      "1 node(s) had untolerated taint(s)",
    ],
    [
      "selector",
      pod("p", {}, { nodeSelector: { a: "b" } }),
      node("a"),
      "1 node(s) didn't match Pod's node affinity/selector",
    ],
    [
      "features",
      pod("p", {}, { hostNetwork: true, hostUsers: false }),
      node("a"),
      "1 node(s) didn't match Pod's required features",
    ],
  ])("tells about %s", (_, one, where, reason) => {
    expect(decide(one, viewNode(where, []))).toContain(
      `0/1 nodes are available: ${reason}. preemption: 0/1 nodes are available: 1 `,
    );
  });

  it("counts what pods ask for, sidecars and overhead included", () => {
    const sidecar = { name: "s", image: "i", restartPolicy: "Always", resources: { requests: { cpu: "1" } } };
    const init = { name: "i", image: "i", resources: { requests: { cpu: "2" } } };
    const one = pod("p", { cpu: "2" }, { initContainers: [sidecar, init], overhead: { cpu: "500m" } });
    expect(decide(one, viewNode(node("a", {}, { cpu: "3500m" }), []))).toBe("a");
    expect(decide(one, viewNode(node("a", {}, { cpu: "3499m" }), []))).toContain("Insufficient cpu");
  });

  it("understands all operators of node affinity", () => {
    const labels = { size: "7", disk: "ssd" };
    const requires = (key: string, operator: string, ...values: readonly string[]): boolean => {
      const nodeSelectorTerms = [{ matchExpressions: [{ key, operator, values }] }];
      const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
      return decide(pod("p", {}, { affinity }), viewNode(node("a", { metadata: { labels } }), [])) === "a";
    };
    expect([
      requires("disk", "In", "ssd", "hdd"),
      requires("disk", "NotIn", "ssd"),
      requires("none", "NotIn", "x"),
    ]).toEqual([true, false, true]);
    expect([requires("disk", "Exists"), requires("disk", "DoesNotExist")]).toEqual([true, false]);
    expect([requires("size", "Gt", "6"), requires("size", "Lt", "7"), requires("disk", "Gt", "1")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("finds a node by its name field, and none with an empty term", () => {
    const by = (term: object): string => {
      const affinity = {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } },
      };
      return decide(pod("p", {}, { affinity }), viewNode(node("a"), []), viewNode(node("b"), []));
    };
    expect(by({ matchFields: [{ key: "metadata.name", operator: "In", values: ["b"] }] })).toBe("b");
    expect(by({})).toContain("2 node(s) didn't match Pod's node affinity/selector");
  });

  it("prefers what the pod prefers, then the emptier node, and avoids tainted ones", () => {
    const full = viewNode(node("a", { metadata: { labels: { zone: "x" } } }), [pod("q", { cpu: "3", memory: "6Gi" })]);
    const empty = viewNode(node("b"), []);
    const avoided = viewNode(node("c", { spec: { taints: [{ key: "k", effect: "PreferNoSchedule" }] } }), []);
    expect(decide(pod("p"), full, avoided, empty)).toBe("b");
    const preference = { matchExpressions: [{ key: "zone", operator: "In", values: ["x"] }] };
    const affinity = {
      nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, preference }] },
    };
    expect(decide(pod("p", {}, { affinity }), full, avoided, empty)).toBe("a");
  });

  it("does not preempt when the pod says so", () => {
    const view = viewNode(node("a"), [pod("low", { cpu: "4" })]);
    expect(decide(pod("high", { cpu: "4" }, { priority: 10 }), view)).toBe("preempt");
    expect(decide(pod("high", { cpu: "4" }, { priority: 10, preemptionPolicy: "Never" }), view)).toBe(
      "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
    );
  });
});

describe("claims of a pod", () => {
  const claim = (phase: string, volumeName = "v", isBound = true): PersistentVolumeClaim => ({
    metadata: { ...(isBound && { annotations: { "pv.kubernetes.io/bind-completed": "yes" } }) },
    spec: { volumeName },
    status: { phase },
  });
  const nodeSelectorTerms = [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["b"] }] }];
  const volume: PersistentVolume = { spec: { nodeAffinity: { required: { nodeSelectorTerms } } } };
  const one = pod("p", {}, { volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }] });
  const place = (found: PersistentVolumeClaim | undefined): string => {
    const storage = {
      ...NO_STORAGE,
      claim: () => found,
      volume: (name: string) => (name === "v" ? volume : undefined),
    };
    const views = [viewNode(node("a"), []), viewNode(node("b"), [])];
    const placement = decidePlacement(one, views, volumeRulesOf(one, storage, views));
    return placement.decision === "bind" ? placement.nodeName : "message" in placement ? placement.message : "";
  };

  it("keep it from running before they are bound, and to the nodes of their volumes", () => {
    const nowhere = "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
    expect(place(undefined)).toBe(`0/2 nodes are available: persistentvolumeclaim "data" not found. ${nowhere}`);
    expect(place(claim("Pending", "", false))).toBe(
      `0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. ${nowhere}`,
    );
    expect(place(claim("Lost", "w"))).toContain('"data" bound to non-existent persistentvolume "w"');
    expect(place(claim("Bound", "w"))).toContain(
      "2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
    );
    expect(place(claim("Bound"))).toBe("b");
  });
});

describe("placements of any pods on any nodes", () => {
  const amount = fc.integer({ min: 0, max: 5 }).map((cpu) => ({ cpu: String(cpu) }));
  const port = fc.option(fc.constantFrom(80, 443), { nil: undefined });
  const anyPod = fc
    .record({ requests: amount, priority: fc.integer({ min: 0, max: 3 }), hostPort: port })
    .map(({ requests, priority, hostPort }) => ({
      priority,
      containers: [
        {
          name: "c",
          image: "i",
          resources: { requests },
          ...(hostPort !== undefined && { ports: [{ containerPort: 1, hostPort }] }),
        },
      ],
    }));
  const anyCluster = fc.array(fc.array(anyPod, { maxLength: 4 }), { minLength: 1, maxLength: 4 }).map((nodes) =>
    nodes.map((pods, at) =>
      viewNode(
        node(`n${at}`, {}, { pods: "4" }),
        pods.map((spec, index) => ({ metadata: { namespace: "x", name: `${at}-${index}` }, spec })),
      ),
    ),
  );

  it("bind where the pod fits if it fits anywhere, and make enough but not too much room otherwise", () => {
    fc.assert(
      fc.property(anyCluster, anyPod, (views, spec) => {
        const one: Pod = { metadata: { namespace: "x", name: "new" }, spec };
        const placement = decidePlacement(one, views);
        const fitting = views.filter((view) => filterNode(one, view).fits).map(({ node }) => node.metadata?.name);
        if (placement.decision === "bind") {
          expect(fitting).toContain(placement.nodeName);
          return;
        }
        expect(fitting).toEqual([]);
        const helps = views.some((view) => {
          const kept = view.pods.filter((other) => priorityOf(other) >= priorityOf(one));
          return filterNode(one, viewNode(view.node, kept)).fits;
        });
        expect(placement.decision === "preempt").toBe(helps);
        if (placement.decision !== "preempt") return;
        const { nodeName, victims } = placement.preemption;
        expect(victims.every((victim) => priorityOf(victim) < priorityOf(one))).toBe(true);
        const view = views.find(({ node }) => node.metadata?.name === nodeName);
        if (view === undefined) throw new Error(`no such node: ${nodeName}`);
        const without = (gone: readonly Pod[]) =>
          viewNode(
            view.node,
            view.pods.filter((other) => !gone.includes(other)),
          );
        expect(filterNode(one, without(victims)).fits).toBe(true);
        for (const spared of victims) {
          const fewer = victims.filter((victim) => victim !== spared);
          expect(filterNode(one, without(fewer)).fits).toBe(false);
        }
      }),
    );
  });
});
