import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { podCondition } from "../../api/pod.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod, PodSpec, StorageClass } from "../../api/types.ts";
import { SELECTED_NODE } from "../../core/persistent-volumes/annotations.ts";
import {
  CSI_DRIVERS,
  CSI_NODES,
  CSI_STORAGE_CAPACITIES,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  PRIORITY_CLASSES,
  STORAGE_CLASSES,
} from "../../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createPersistentVolumeBinder } from "../persistent-volume-binder/persistent-volume-binder.ts";
import { createSchedulerController } from "./scheduler.ts";

const DISKS = "disks.example.com";

describe("pods with claims", () => {
  let host: ControllerHost;
  beforeEach(async () => {
    host = await startControllers((deps) => [
      createSchedulerController(deps, { volumeBindTimeoutMs: 30_000 }),
      createPersistentVolumeBinder(deps),
    ]);
    for (const name of ["a", "b"]) await addNode(name);
  });
  afterEach(() => host.stop());

  async function addNode(name: string): Promise<void> {
    const labels = { "kubernetes.io/hostname": name };
    const made = await host.client.create(NODES, { metadata: { name, labels } }, host.signal);
    const ready = await host.client.update(NODES, { ...made, spec: { taints: [] } }, host.signal);
    const amounts = { cpu: "8", memory: "8Gi", pods: "110" };
    await host.client.updateStatus(
      NODES,
      { ...ready, status: { allocatable: amounts, capacity: amounts } },
      host.signal,
    );
  }
  const addClass = (more: Partial<StorageClass> = {}) =>
    host.client.create(
      STORAGE_CLASSES,
      { metadata: { name: "late" }, provisioner: DISKS, volumeBindingMode: "WaitForFirstConsumer", ...more },
      host.signal,
    );
  type VolumeSpec = NonNullable<PersistentVolume["spec"]>;
  const addVolume = (name: string, node: string, more: Partial<VolumeSpec> = {}) => {
    const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }];
    return host.client.create(
      PERSISTENT_VOLUMES,
      {
        metadata: { name },
        spec: {
          capacity: { storage: "1Gi" },
          accessModes: ["ReadWriteOnce"],
          storageClassName: "late",
          local: { path: "/data" },
          nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
          ...more,
        },
      },
      host.signal,
    );
  };
  const addClaim = (name: string, storage = "1Gi", accessModes = ["ReadWriteOnce"], storageClassName = "late") =>
    host.client.create(
      PERSISTENT_VOLUME_CLAIMS,
      {
        metadata: { namespace: "default", name },
        spec: { accessModes, storageClassName, resources: { requests: { storage } } },
      },
      host.signal,
    );
  const addPod = (name: string, claims: readonly string[], spec: Partial<PodSpec> = {}) => {
    const volumes = claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }));
    return host.client.create(
      PODS,
      {
        metadata: { namespace: "default", name },
        spec: { containers: [{ name: "c", image: "i" }], volumes, ...spec },
      },
      host.signal,
    );
  };
  const pod = (name: string): Promise<Pod> => host.client.get(PODS, { namespace: "default", name }, host.signal);
  const placed = async (name: string): Promise<string> => (await pod(name)).spec?.nodeName ?? "";
  const why = async (name: string) => podCondition(await pod(name), "PodScheduled")?.message;
  const claim = (name: string) =>
    host.client.get(PERSISTENT_VOLUME_CLAIMS, { namespace: "default", name }, host.signal);
  const selected = async (name: string) => (await claim(name)).metadata?.annotations?.[SELECTED_NODE];
  /** What an external provisioner does. */
  const provision = async (name: string, node: string): Promise<void> => {
    const { metadata } = await claim(name);
    const { namespace = "", uid = "" } = metadata ?? {};
    const claimRef = { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace, name, uid };
    await addVolume(`pvc-${uid}`, node, { claimRef });
  };

  it("go where all their volumes are, and get them before they start", async () => {
    await addClass({ provisioner: "kubernetes.io/no-provisioner" });
    for (const [name, node, storage] of [
      ["a1", "a", "1Gi"],
      ["b1", "b", "1Gi"],
      ["b2", "b", "5Gi"],
    ] as const) {
      await addVolume(name, node, { capacity: { storage } });
    }
    await addClaim("small");
    await addClaim("large", "4Gi");
    await addPod("p", ["small", "large"]);
    await host.until(async () => expect(await placed("p")).toBe("b"));
    const bound: readonly PersistentVolumeClaim[] = [await claim("small"), await claim("large")];
    expect(bound.map(({ spec, status }) => [spec?.volumeName, status?.phase])).toEqual([
      ["b1", "Bound"],
      ["b2", "Bound"],
    ]);
  });

  it("wait where no node has the volumes, and say so", async () => {
    await addClass({ provisioner: "kubernetes.io/no-provisioner" });
    await addVolume("a1", "a");
    await addClaim("one");
    await addClaim("two");
    await addPod("p", ["one", "two"]);
    await host.until(async () =>
      expect(await why("p")).toBe(
        "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
      ),
    );
    await addVolume("a2", "a");
    await host.until(async () => expect(await placed("p")).toBe("a"));
  });

  it("do not promise one volume twice, however fast they come", async () => {
    await addClass({ provisioner: "kubernetes.io/no-provisioner" });
    for (const name of ["v1", "v2", "v3"]) await addVolume(name, "a");
    await Promise.all(["1", "2", "3", "4", "5"].map((name) => addClaim(name)));
    await Promise.all(["1", "2", "3", "4", "5"].map((name) => addPod(`p${name}`, [name])));
    await host.until(async () => {
      const { items } = await host.client.list(PODS, {}, host.signal);
      expect(items.filter(({ spec }) => spec?.nodeName === "a")).toHaveLength(3);
    });
    const { items } = await host.client.list(PERSISTENT_VOLUME_CLAIMS, {}, host.signal);
    const names = items.flatMap(({ spec }) => spec?.volumeName ?? []);
    expect(new Set(names)).toEqual(new Set(["v1", "v2", "v3"]));
    expect(names).toHaveLength(3);
  });

  it("tell the provisioner their node and start when it is done; others do not wait for that", async () => {
    await addClass();
    const names = Array.from({ length: 20 }, (_, at) => `c${at}`);
    for (const name of names) await addClaim(name);
    for (const name of names) await addPod(`p-${name}`, [name]);
    await host.until(async () => expect(await selected("c19")).toMatch(/^[ab]$/));
    await addPod("free", []);
    await host.until(async () => expect(await placed("free")).not.toBe(""));
    const node = (await selected("c7")) ?? "";
    await provision("c7", node);
    await host.until(async () => expect(await placed("p-c7")).toBe(node));
    expect(await placed("p-c8")).toBe("");
  });

  it("try again when the provisioner gives up or the time is over", async () => {
    await addClass();
    await addClaim("data");
    await addPod("p", ["data"]);
    await host.until(async () => expect(await selected("data")).toBeDefined());
    const { metadata, ...rest } = await claim("data");
    const { [SELECTED_NODE]: _, ...annotations } = metadata?.annotations ?? {};
    await host.client.update(
      PERSISTENT_VOLUME_CLAIMS,
      { ...rest, metadata: { ...metadata, annotations } },
      host.signal,
    );
    await host.until(async () =>
      expect(podCondition(await pod("p"), "PodScheduled")).toMatchObject({
        reason: "SchedulerError",
        message: 'running PreBind plugin "VolumeBinding": binding volumes: provisioning failed for PVC "data"',
      }),
    );
    await host.until(async () => expect(await selected("data")).toBeDefined());
    await host.until(async () => expect(await why("p")).toContain("binding volumes: context deadline exceeded"));
    const node = (await selected("data")) ?? "";
    await provision("data", node);
    await host.until(async () => expect(await placed("p")).toBe(node));
  });

  it("keep to the topologies of the class and to the space drivers report", async () => {
    const matchLabelExpressions = [{ key: "kubernetes.io/hostname", values: ["a"] }];
    await addClass({ allowedTopologies: [{ matchLabelExpressions }] });
    await host.client.create(CSI_DRIVERS, { metadata: { name: DISKS }, spec: { storageCapacity: true } }, host.signal);
    await addClaim("data", "2Gi");
    await addPod("p", ["data"]);
    await host.until(async () =>
      expect(await why("p")).toContain(
        "1 node(s) did not have enough free storage, 1 node(s) didn't find available persistent volumes to bind",
      ),
    );
    const nodeTopology = { matchLabels: { "kubernetes.io/hostname": "a" } };
    await host.client.create(
      CSI_STORAGE_CAPACITIES,
      { metadata: { namespace: "default", name: "c" }, storageClassName: "late", nodeTopology, capacity: "3Gi" },
      host.signal,
    );
    await host.until(async () => expect(await selected("data")).toBe("a"));
  });

  it("keep to the number of volumes a node can attach", async () => {
    await addClass();
    const drivers = [{ name: DISKS, nodeID: "n", allocatable: { count: 1 } }];
    for (const name of ["a", "b"]) {
      await host.client.create(CSI_NODES, { metadata: { name }, spec: { drivers } }, host.signal);
    }
    for (const name of ["1", "2", "3"]) {
      await addClaim(name);
      await addPod(`p${name}`, [name]);
    }
    await host.until(async () => {
      const nodes = new Set([await selected("1"), await selected("2")]);
      expect(nodes).toEqual(new Set(["a", "b"]));
    });
    await host.until(async () => expect(await why("p3")).toContain("2 node(s) exceed max volume count"));
  });

  it("share no ReadWriteOncePod claim, and push out less important users of it", async () => {
    await addClass({ provisioner: "kubernetes.io/no-provisioner" });
    await addVolume("v", "a", { accessModes: ["ReadWriteOncePod"] });
    await addClaim("data", "1Gi", ["ReadWriteOncePod"]);
    await host.client.create(PRIORITY_CLASSES, { metadata: { name: "high" }, value: 1_000 }, host.signal);
    await addPod("first", ["data"]);
    await host.until(async () => expect(await placed("first")).toBe("a"));
    await addPod("second", ["data"]);
    const inUse =
      "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";
    await host.until(async () => expect(await why("second")).toContain(inUse));
    await addPod("important", ["data"], { priorityClassName: "high" });
    await host.until(async () => expect((await pod("first")).metadata?.deletionTimestamp).toBeDefined());
    await host.client.delete(PODS, { namespace: "default", name: "first" }, host.signal, { gracePeriodSeconds: 0 });
    await host.until(async () => expect(await placed("important")).toBe("a"));
    expect(await placed("second")).toBe("");
  });
});
