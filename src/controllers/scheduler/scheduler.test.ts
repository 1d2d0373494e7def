import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { podCondition } from "../../api/pod.ts";
import type { Node, Pod, PodSpec } from "../../api/types.ts";
import { EVENTS, NODES, PODS, PRIORITY_CLASSES } from "../../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createSchedulerController } from "./scheduler.ts";

describe("createSchedulerController()", () => {
  let host: ControllerHost;
  beforeEach(async () => {
    host = await startControllers((deps) => [createSchedulerController(deps)]);
  });
  afterEach(() => host.stop());

  const addNode = async (name: string, more: Partial<Node> = {}): Promise<void> => {
    const { metadata, spec, status } = more;
    const made = await host.client.create(
      NODES,
      { metadata: { ...metadata, name }, ...(spec !== undefined && { spec }) },
      host.signal,
    );
    // The server taints new nodes until something finds them ready.
    const ready = await host.client.update(
      NODES,
      { ...made, spec: { ...spec, taints: spec?.taints ?? [] } },
      host.signal,
    );
    const amounts = { cpu: "2", memory: "4Gi", pods: "5", ...status?.allocatable };
    await host.client.updateStatus(
      NODES,
      { ...ready, status: { allocatable: amounts, capacity: amounts } },
      host.signal,
    );
  };
  const addPod = (
    name: string,
    cpu = "0",
    spec: Partial<PodSpec> = {},
    finalizers: readonly string[] = [],
  ): Promise<Pod> =>
    host.client.create(
      PODS,
      {
        metadata: { namespace: "default", name, finalizers },
        spec: { containers: [{ name: "c", image: "i", resources: { requests: { cpu } } }], ...spec },
      },
      host.signal,
    );
  const pod = (name: string): Promise<Pod> => host.client.get(PODS, { namespace: "default", name }, host.signal);
  const placed = async (name: string): Promise<string> => (await pod(name)).spec?.nodeName ?? "";
  const why = async (name: string): Promise<string | undefined> =>
    podCondition(await pod(name), "PodScheduled")?.message;

  it("binds a pod and says so", async () => {
    await addNode("n1");
    await addPod("p");
    await host.until(async () => expect(await placed("p")).toBe("n1"));
    expect(podCondition(await pod("p"), "PodScheduled")?.status).toBe("True");
    await host.until(async () => {
      const { items } = await host.client.list(EVENTS, { namespace: "default" }, host.signal);
      expect(items.map(({ reason, message, source }) => [reason, message, source?.component])).toContainEqual([
        "Scheduled",
        "Successfully assigned default/p to n1",
        "default-scheduler",
      ]);
    });
  });

  it("tells what is missing in the words users know, and binds once it is there", async () => {
    await addPod("early");
    await host.until(async () => expect(await why("early")).toBe("no nodes available to schedule pods"));
    await addNode("n1");
    await host.until(async () => expect(await placed("early")).toBe("n1"));
    await addPod("big", "3");
    await host.until(async () =>
      expect(await why("big")).toBe(
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
      ),
    );
    expect(podCondition(await pod("big"), "PodScheduled")).toMatchObject({ status: "False", reason: "Unschedulable" });
    await addNode("n2", { status: { allocatable: { cpu: "8" } } });
    await host.until(async () => expect(await placed("big")).toBe("n2"));
  });

  it("never gives away more than a node has, however fast pods come", async () => {
    await addNode("n1");
    await Promise.all(Array.from({ length: 12 }, (_, i) => addPod(`p${i}`, "500m")));
    await host.until(async () => {
      const { items } = await host.client.list(PODS, {}, host.signal);
      const waiting = items.filter((pod) => (pod.spec?.nodeName ?? "") === "");
      expect(items.length - waiting.length).toBe(4);
      expect(waiting.every((pod) => podCondition(pod, "PodScheduled")?.status === "False")).toBe(true);
    });
  });

  it("uses room that a finished or deleted pod leaves", async () => {
    await addNode("n1");
    await addPod("a", "2");
    await host.until(async () => expect(await placed("a")).toBe("n1"));
    await addPod("b", "2");
    await host.until(async () => expect(await why("b")).toContain("No preemption victims found for incoming pod."));
    const done = { status: { phase: "Succeeded" } };
    await host.client.patch(PODS, { namespace: "default", name: "a" }, { type: "merge", value: done }, host.signal, {
      subresource: "status",
    });
    await host.until(async () => expect(await placed("b")).toBe("n1"));
  });

  it("keeps taints, selectors, cordons and host ports", async () => {
    const hostPort = { containers: [{ name: "c", image: "i", ports: [{ containerPort: 80, hostPort: 80 }] }] };
    await addNode("tainted", { spec: { taints: [{ key: "k", value: "v", effect: "NoSchedule" }] } });
    await addNode("cordoned", { spec: { unschedulable: true } });
    await addNode("small", { metadata: { labels: { disk: "ssd" } } });
    await addPod("first", "0", { ...hostPort, nodeSelector: { disk: "ssd" } });
    await host.until(async () => expect(await placed("first")).toBe("small"));
    await addPod("second", "0", hostPort);
    await host.until(async () =>
      expect(await why("second")).toMatch(
        /^0\/3 nodes are available: 1 node\(s\) didn't have free ports for the requested pod ports, 1 node\(s\) had untolerated taint\(s\), 1 node\(s\) were unschedulable\. /,
      ),
    );
    await addPod("third", "0", { ...hostPort, tolerations: [{ key: "k", operator: "Exists" }] });
    await host.until(async () => expect(await placed("third")).toBe("tainted"));
  });

  it("leaves pods of other schedulers and gated pods alone", async () => {
    await addNode("n1");
    await addPod("other", "0", { schedulerName: "mine" });
    await addPod("gated", "0", { schedulingGates: [{ name: "example.com/wait" }] });
    await host.clock.advance(15_000);
    expect([await placed("other"), await placed("gated")]).toEqual(["", ""]);
    const open = await pod("gated");
    await host.client.update(
      PODS,
      { ...open, spec: { containers: [], ...open.spec, schedulingGates: [] } },
      host.signal,
    );
    await host.until(async () => expect(await placed("gated")).toBe("n1"));
  });

  it("makes room for a more important pod, and keeps it for that pod", async () => {
    await addNode("n1");
    for (const [name, value] of Object.entries({ low: 1, medium: 500, high: 1_000 })) {
      await host.client.create(PRIORITY_CLASSES, { metadata: { name }, value }, host.signal);
    }
    await addPod("low", "2", { priorityClassName: "low" });
    await host.until(async () => expect(await placed("low")).toBe("n1"));
    await addPod("high", "2", { priorityClassName: "high" });
    await host.until(async () => expect((await pod("high")).status?.nominatedNodeName).toBe("n1"));
    await addPod("medium", "2", { priorityClassName: "medium" });
    await host.until(async () => expect((await pod("low")).metadata?.deletionTimestamp).toBeDefined());
    expect(podCondition(await pod("low"), "DisruptionTarget")?.reason).toBe("PreemptionByScheduler");
    await host.client.delete(PODS, { namespace: "default", name: "low" }, host.signal, { gracePeriodSeconds: 0 });
    await host.until(async () => expect(await placed("high")).toBe("n1"));
    await host.clock.advance(15_000);
    expect(await placed("medium")).toBe("");
  });
});
