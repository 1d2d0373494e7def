import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Node, PersistentVolume, Pod, VolumeAttachment } from "../../api/types.ts";
import {
  CSI_DRIVERS,
  EVENTS,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  VOLUME_ATTACHMENTS,
} from "../../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { sha256 } from "../../testing/sha256.ts";
import { createPersistentVolumeBinder } from "../persistent-volume-binder/persistent-volume-binder.ts";
import { createAttachDetachController } from "./attach-detach.ts";

const DISKS = "disks.example.com";
const UNIQUE = `kubernetes.io/csi/${DISKS}^h`;

describe("createAttachDetachController()", () => {
  let host: ControllerHost;
  beforeEach(async () => {
    host = await startControllers((deps) => [createAttachDetachController(deps), createPersistentVolumeBinder(deps)]);
    for (const name of ["a", "b"]) await addNode(name);
  });
  afterEach(() => host.stop());

  async function addNode(name: string): Promise<void> {
    const annotations = { "volumes.kubernetes.io/controller-managed-attach-detach": "true" };
    await host.client.create(NODES, { metadata: { name, annotations } }, host.signal);
    await nodeSays(name, { conditions: [{ type: "Ready", status: "True" }] });
  }
  const nodeSays = (name: string, status: Node["status"]): Promise<Node> =>
    host.client.patch(NODES, { name }, { type: "merge", value: { status } }, host.signal, { subresource: "status" });
  const addVolume = async (
    accessModes: readonly string[] = ["ReadWriteOnce"],
    source: Partial<NonNullable<PersistentVolume["spec"]>> = { csi: { driver: DISKS, volumeHandle: "h" } },
  ): Promise<void> => {
    const storage = { storage: "1Gi" };
    await host.client.create(
      PERSISTENT_VOLUMES,
      { metadata: { name: "v" }, spec: { capacity: storage, accessModes, ...source } },
      host.signal,
    );
    await host.client.create(
      PERSISTENT_VOLUME_CLAIMS,
      { metadata: { namespace: "default", name: "c" }, spec: { accessModes, resources: { requests: storage } } },
      host.signal,
    );
    await host.until(async () => {
      const claim = await host.client.get(PERSISTENT_VOLUME_CLAIMS, { namespace: "default", name: "c" }, host.signal);
      expect(claim.status?.phase).toBe("Bound");
    });
  };
  const addPod = (name: string, nodeName: string): Promise<Pod> =>
    host.client.create(
      PODS,
      {
        metadata: { namespace: "default", name },
        spec: {
          nodeName,
          containers: [{ name: "c", image: "i" }],
          volumes: [{ name: "v", persistentVolumeClaim: { claimName: "c" } }],
        },
      },
      host.signal,
    );
  const dropPod = (name: string): Promise<void> =>
    host.client.delete(PODS, { namespace: "default", name }, host.signal, { gracePeriodSeconds: 0 });
  const attachments = async (): Promise<readonly VolumeAttachment[]> =>
    (await host.client.list(VOLUME_ATTACHMENTS, {}, host.signal)).items;
  const where = async (): Promise<readonly string[]> => (await attachments()).map(({ spec }) => spec.nodeName);
  /** What an external attacher does. */
  const answer = async (status: NonNullable<VolumeAttachment["status"]>): Promise<void> => {
    for (const { metadata } of await attachments()) {
      const { name = "" } = metadata ?? {};
      await host.client.patch(VOLUME_ATTACHMENTS, { name }, { type: "merge", value: { status } }, host.signal, {
        subresource: "status",
      });
    }
  };
  const told = async (node: string) =>
    (await host.client.get(NODES, { name: node }, host.signal)).status?.volumesAttached ?? [];
  const events = async (pod: string): Promise<readonly string[]> =>
    (await host.client.list(EVENTS, { namespace: "default" }, host.signal)).items
      .filter(({ involvedObject }) => involvedObject.name === pod)
      .map(({ reason = "", message = "" }) => `${reason}: ${message}`);

  it("has a volume attached, tells the node, and takes it back when the node let go", async () => {
    await addVolume();
    await addPod("p", "a");
    await host.until(async () => expect(await where()).toEqual(["a"]));
    const [attachment] = await attachments();
    expect(attachment?.metadata?.name).toBe(`csi-${sha256(`h${DISKS}a`)}`);
    expect(attachment?.spec).toEqual({ attacher: DISKS, nodeName: "a", source: { persistentVolumeName: "v" } });
    expect(await told("a")).toEqual([]);
    await answer({ attached: true });
    await host.until(async () => expect(await told("a")).toEqual([{ name: UNIQUE, devicePath: "" }]));
    await host.until(async () =>
      expect(await events("p")).toEqual(['SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "v"']),
    );

    await nodeSays("a", { volumesInUse: [UNIQUE] });
    await dropPod("p");
    await host.clock.advance(400_000);
    expect([await where(), await told("a")]).toEqual([["a"], [{ name: UNIQUE, devicePath: "" }]]);
    await nodeSays("a", { volumesInUse: [] });
    await host.until(async () => expect([await where(), await told("a")]).toEqual([[], []]));
  });

  it("attaches nothing for drivers that do not want it", async () => {
    await host.client.create(CSI_DRIVERS, { metadata: { name: DISKS }, spec: { attachRequired: false } }, host.signal);
    await addVolume();
    await addPod("p", "a");
    await host.clock.advance(5_000);
    expect(await where()).toEqual([]);
  });

  it("leaves nodes alone that attach by themselves", async () => {
    await host.client.create(NODES, { metadata: { name: "own" } }, host.signal);
    await addVolume();
    await addPod("p", "own");
    await host.clock.advance(5_000);
    expect(await where()).toEqual([]);
  });

  it("moves an exclusive volume when the first node is done with it, and says who has it until then", async () => {
    await addVolume();
    await addPod("first", "a");
    await host.until(async () => expect(await where()).toEqual(["a"]));
    await answer({ attached: true });
    await nodeSays("a", { volumesInUse: [UNIQUE] });
    await addPod("second", "b");
    await host.until(async () =>
      expect(await events("second")).toEqual([
        'FailedAttachVolume: Multi-Attach error for volume "v" Volume is already used by pod(s) first',
      ]),
    );
    await dropPod("first");
    await host.clock.advance(10_000);
    expect(await where()).toEqual(["a"]);
    await nodeSays("a", { volumesInUse: [] });
    await host.until(async () => expect(await where()).toEqual(["b"]));
  });

  it("attaches a shared volume to both", async () => {
    await addVolume(["ReadWriteMany"]);
    await addPod("first", "a");
    await addPod("second", "b");
    await host.until(async () => expect(new Set(await where())).toEqual(new Set(["a", "b"])));
  });

  it("tells the pod what its attacher says, or that it says nothing", async () => {
    await addVolume();
    await addPod("p", "a");
    await host.until(async () => expect(await where()).toEqual(["a"]));
    await answer({ attached: false, attachError: { message: "no such disk", time: "2026-01-01T00:00:00Z" } });
    await host.until(async () =>
      expect(await events("p")).toContain(
        'FailedAttachVolume: AttachVolume.Attach failed for volume "v" : no such disk',
      ),
    );
    await host.clock.advance(125_000);
    await host.until(async () =>
      expect(await events("p")).toContain(
        `FailedAttachVolume: AttachVolume.Attach failed for volume "v" : timed out waiting for external-attacher of ${DISKS} CSI driver to attach volume v`,
      ),
    );
  });

  it("takes volumes from nodes that are gone or off, after a while or at once", async () => {
    await addVolume();
    await addPod("p", "a");
    await host.until(async () => expect(await where()).toEqual(["a"]));
    await answer({ attached: true });
    await nodeSays("a", { volumesInUse: [UNIQUE], conditions: [{ type: "Ready", status: "Unknown" }] });
    await dropPod("p");
    await host.clock.advance(300_000);
    expect(await where()).toEqual(["a"]);
    await host.clock.advance(120_000);
    await host.until(async () => expect(await where()).toEqual([]));

    await addPod("q", "b");
    await host.until(async () => expect(await where()).toEqual(["b"]));
    await answer({ attached: true });
    await nodeSays("b", { volumesInUse: [UNIQUE] });
    await dropPod("q");
    const taints = [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }];
    await host.client.patch(NODES, { name: "b" }, { type: "merge", value: { spec: { taints } } }, host.signal);
    await host.until(async () => expect(await where()).toEqual([]));
  });

  it("gives a volume back to a pod that returns while it is taken away", async () => {
    await addVolume();
    await addPod("p", "a");
    await host.until(async () => expect(await where()).toEqual(["a"]));
    await answer({ attached: true });
    await host.until(async () => expect(await told("a")).toHaveLength(1));
    const [attachment] = await attachments();
    const finalizers = ["external-attacher/disks-example-com"];
    const name = attachment?.metadata?.name ?? "";
    const value = { metadata: { finalizers } };
    await host.client.patch(VOLUME_ATTACHMENTS, { name }, { type: "merge", value }, host.signal);
    await dropPod("p");
    await host.until(async () => expect((await attachments())[0]?.metadata?.deletionTimestamp).toBeDefined());
    await addPod("again", "a");
    await host.clock.advance(5_000);
    expect(await told("a")).toEqual([]);
    const none = { metadata: { finalizers: null } };
    await host.client.patch(VOLUME_ATTACHMENTS, { name }, { type: "merge", value: none }, host.signal);
    await host.until(async () => {
      const [made] = await attachments();
      expect(made?.metadata?.uid).not.toBe(attachment?.metadata?.uid);
      expect(made?.spec.nodeName).toBe("a");
    });
  });

  it("reports in-tree volumes, which nodes attach themselves", async () => {
    const iscsi = { targetPortal: "10.0.0.1:3260", iqn: "iqn.2026-01.example:disk", lun: 1 };
    const name = "kubernetes.io/iscsi/10.0.0.1:3260:iqn.2026-01.example:disk:1";
    await addVolume(["ReadWriteOnce"], { iscsi });
    await addPod("first", "a");
    await host.until(async () => expect(await told("a")).toEqual([{ name, devicePath: "" }]));
    await nodeSays("a", { volumesInUse: [name] });
    await addPod("second", "b");
    await host.until(async () => expect(await events("second")).toHaveLength(1));
    await dropPod("first");
    await host.clock.advance(5_000);
    expect(await told("b")).toEqual([]);
    await nodeSays("a", { volumesInUse: [] });
    await host.until(async () => expect([await told("a"), await told("b")]).toEqual([[], [{ name, devicePath: "" }]]));
    expect(await where()).toEqual([]);
  });
});
