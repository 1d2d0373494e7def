import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { podCondition } from "../../api/pod.ts";
import type { Node, Pod } from "../../api/types.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { EVENTS, LEASES, NODES, PODS } from "../../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createPodGarbageCollectionController } from "../pod-garbage-collection/pod-garbage-collection.ts";
import { createTaintEvictionController } from "../taint-eviction/taint-eviction.ts";
import { createNodeLifecycleController } from "./node-lifecycle.ts";

describe("nodes and their pods", () => {
  let host: ControllerHost;
  beforeEach(async () => {
    host = await startControllers((deps) => [
      createNodeLifecycleController(deps),
      createTaintEvictionController(deps),
      createPodGarbageCollectionController(deps),
    ]);
  });
  afterEach(() => host.stop());

  const node = (name: string): Promise<Node> => host.client.get(NODES, { name }, host.signal);
  const taints = async (name: string): Promise<readonly string[]> =>
    ((await node(name)).spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
  const now = (): string => new Date(host.clock.now()).toISOString();
  /** What a kubelet does every ten seconds. */
  const beat = async (name: string): Promise<void> => {
    const spec = { holderIdentity: name, renewTime: now().replace("Z", "000Z"), leaseDurationSeconds: 40 };
    await host.client
      .patch(LEASES, { namespace: "kube-node-lease", name }, { type: "merge", value: { spec } }, host.signal)
      .catch(async (reason: unknown) => {
        if (!hasReason(reason, "NotFound")) throw reason;
        await host.client.create(LEASES, { metadata: { namespace: "kube-node-lease", name }, spec }, host.signal);
      });
  };
  const post = async (name: string, status: "True" | "False"): Promise<void> => {
    const conditions = [
      { type: "Ready", status, reason: "Test", message: "", lastHeartbeatTime: now(), lastTransitionTime: now() },
    ];
    const value = { status: { conditions } };
    await host.client.patch(NODES, { name }, { type: "strategic", value }, host.signal, { subresource: "status" });
  };
  const addNode = async (name: string): Promise<void> => {
    await host.client.create(NODES, { metadata: { name, labels: { "kubernetes.io/os": "linux" } } }, host.signal);
    await beat(name);
    await post(name, "True");
  };
  const addPod = async (name: string, nodeName: string, tolerations: NonNullable<Pod["spec"]>["tolerations"] = []) => {
    const spec = { nodeName, tolerations, containers: [{ name: "c", image: "i" }] };
    await host.client.create(PODS, { metadata: { namespace: "default", name }, spec }, host.signal);
    const value = { status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } };
    await host.client.patch(PODS, { namespace: "default", name }, { type: "strategic", value }, host.signal, {
      subresource: "status",
    });
  };
  const pod = (name: string): Promise<Pod> => host.client.get(PODS, { namespace: "default", name }, host.signal);
  const isLeaving = async (name: string): Promise<boolean> =>
    pod(name).then(
      ({ metadata }) => metadata?.deletionTimestamp !== undefined,
      (reason: unknown) => hasReason(reason, "NotFound"),
    );
  /** Lets time pass while these nodes stay alive. */
  const pass = async (milliseconds: number, alive: readonly string[]): Promise<void> => {
    for (let left = milliseconds; left > 0; left -= 10_000) {
      for (const name of alive) await beat(name);
      await host.clock.advance(Math.min(left, 10_000));
    }
  };

  it("a new node gets its taints as its conditions say, and old labels", async () => {
    await host.client.create(NODES, { metadata: { name: "a", labels: { "kubernetes.io/os": "linux" } } }, host.signal);
    await post("a", "False");
    await host.until(async () => expect(await taints("a")).toContain("node.kubernetes.io/not-ready:NoSchedule"));
    await post("a", "True");
    await host.until(async () => expect(await taints("a")).toEqual([]));
    expect((await node("a")).metadata?.labels?.["beta.kubernetes.io/os"]).toBe("linux");
    const value = { spec: { unschedulable: true } };
    await host.client.patch(NODES, { name: "a" }, { type: "merge", value }, host.signal);
    await host.until(async () => expect(await taints("a")).toEqual(["node.kubernetes.io/unschedulable:NoSchedule"]));
    const { items } = await host.client.list(EVENTS, {}, host.signal);
    expect(items.map(({ message }) => message)).toContain("Node a event: Registered Node a in Controller");
  });

  it("a node that falls silent is marked, and its pods leave after the time they tolerate", async () => {
    await addNode("a");
    await addNode("b");
    await addPod("patient", "a");
    await addPod("stuck", "a", [{ operator: "Exists" }]);
    await pass(40_000, ["a", "b"]);
    expect(await taints("a")).toEqual([]);
    await pass(60_000, ["b"]);
    expect((await node("a")).status?.conditions?.find(({ type }) => type === "Ready")).toMatchObject({
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
    });
    expect([...(await taints("a"))].sort()).toEqual([
      "node.kubernetes.io/unreachable:NoExecute",
      "node.kubernetes.io/unreachable:NoSchedule",
    ]);
    expect(podCondition(await pod("patient"), "Ready")?.status).toBe("False");
    await pass(280_000, ["b"]);
    expect(await isLeaving("patient")).toBe(false);
    await pass(40_000, ["b"]);
    expect(await isLeaving("patient")).toBe(true);
    expect(await isLeaving("stuck")).toBe(false);
    expect(podCondition(await pod("patient"), "DisruptionTarget")?.reason).toBe("DeletionByTaintManager");
  });

  it("a lone node that falls silent loses no pods, and is itself again when it comes back", async () => {
    await addNode("a");
    await addPod("p", "a");
    await host.clock.advance(400_000);
    expect(await taints("a")).toEqual(["node.kubernetes.io/unreachable:NoSchedule"]);
    expect(await isLeaving("p")).toBe(false);
    await beat("a");
    await post("a", "True");
    await host.until(async () => expect(await taints("a")).toEqual([]));
  });

  it("pods leave at once for a NoExecute taint nobody tolerates", async () => {
    await addNode("a");
    await addPod("p", "a");
    const value = { spec: { taints: [{ key: "maintenance", effect: "NoExecute" }] } };
    await host.client.patch(NODES, { name: "a" }, { type: "merge", value }, host.signal);
    await host.until(async () => expect(await isLeaving("p")).toBe(true));
  });

  it("pods of a node that is gone for long are deleted by force", async () => {
    await addNode("a");
    await addPod("p", "a");
    await host.client.delete(NODES, { name: "a" }, host.signal);
    await host.clock.advance(30_000);
    expect((await pod("p")).metadata?.deletionTimestamp).toBeUndefined();
    await host.until(async () => {
      const failure = await pod("p").catch((reason: unknown) => reason);
      return hasReason(failure, "NotFound");
    });
  });
});
