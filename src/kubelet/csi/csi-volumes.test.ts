import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { status } from "@grpc/grpc-js";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CSINode, Node } from "../../api/types.ts";
import { attachmentName } from "../../core/csi/csi-source.ts";
import { CSI_NODES, NODES, PERSISTENT_VOLUME_CLAIMS, SECRETS, VOLUME_ATTACHMENTS } from "../../machinery/resources.ts";
import type { NodePublishVolumeRequest, NodeStageVolumeRequest } from "../../adapters/csi/generated/csi.ts";
import type { FakeCsiDriver } from "../../testing/fake-csi-driver.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { registerVolumeStats } from "../metrics/volume-stats-metrics.ts";
import { createVolumeUsages } from "../metrics/volume-usages.ts";
import { claimed, startVolumeNode, VOLUME_NODE, type VolumeNode } from "../../testing/volume-node.ts";

const SIGNAL = new AbortController().signal;
let node: VolumeNode;
beforeEach(async () => {
  node = await startVolumeNode();
});
afterEach(async () => {
  await node.stop();
});

const published = (name: string, volume: string): string =>
  `${node.root}/pods/uid-${name}/volumes/kubernetes.io~csi/${volume}`;
const csiNode = (): Promise<CSINode> => node.client.get(CSI_NODES, { name: VOLUME_NODE }, SIGNAL);
const nodeObject = (): Promise<Node> => node.client.get(NODES, { name: VOLUME_NODE }, SIGNAL);
const volumeCalls = (driver: FakeCsiDriver): readonly string[] =>
  driver.names("NodeStageVolume", "NodePublishVolume", "NodeUnpublishVolume", "NodeUnstageVolume");
const stageRequest = (driver: FakeCsiDriver): NodeStageVolumeRequest =>
  driver.calls.find(({ call }) => call === "NodeStageVolume")?.request as NodeStageVolumeRequest;
const publishRequest = (driver: FakeCsiDriver): NodePublishVolumeRequest =>
  driver.calls.findLast(({ call }) => call === "NodePublishVolume")?.request as NodePublishVolumeRequest;

describe("registration of CSI drivers", () => {
  it("shows the driver in CSINode, in the annotation and in the labels of the node", async () => {
    const driver = await node.addDriver(undefined, {
      nodeId: "id-7",
      maximumVolumes: () => 5,
      topology: { "fake.csi/zone": "a" },
    });
    expect(driver.registrations).toEqual([""]);
    expect((await csiNode()).spec?.drivers).toEqual([
      { name: "fake.csi", nodeID: "id-7", topologyKeys: ["fake.csi/zone"], allocatable: { count: 5 } },
    ]);
    const { metadata } = await nodeObject();
    expect((await csiNode()).metadata?.ownerReferences).toMatchObject([{ kind: "Node", uid: metadata?.uid }]);
    expect(JSON.parse(metadata?.annotations?.["csi.volume.kubernetes.io/nodeid"] ?? "")).toEqual({
      "fake.csi": "id-7",
    });
    expect(metadata?.labels).toMatchObject({ "fake.csi/zone": "a" });
  });

  it("refuses versions it does not speak, and plugins of other types, by telling them", async () => {
    const driver = await node.addDriver(undefined, { name: "new.csi", versions: ["2.0.0"] });
    expect(driver.registrations[0]).toContain("none of the versions [2.0.0] is supported");
    expect((await csiNode()).spec?.drivers ?? []).toEqual([]);
  });

  it("tries again when the driver can not answer NodeGetInfo, and tells how it ended each time", async () => {
    const starting = node.addDriver(undefined, {});
    const driver = await starting;
    await driver.stop();
    await node.until("the driver is gone", async () => ((await csiNode()).spec?.drivers ?? []).length === 0);
    driver.misbehave("NodeGetInfo", { fail: status.UNAVAILABLE, text: "starting" }, 2);
    driver.registrations.length = 0;
    await driver.start();
    await node.until("it is registered", () => driver.registrations.includes(""));
    expect(driver.registrations.filter((text) => text.includes("starting"))).toHaveLength(2);
  });

  it("takes the driver out of all places when its socket goes, and leaves others", async () => {
    const driver = await node.addDriver(undefined, {});
    await node.addDriver(undefined, { name: "other.csi" });
    await driver.stop();
    await node.until("it is gone", async () => (await csiNode()).spec?.drivers?.length === 1);
    await node.until("its id is gone", async () => {
      const ids = (await nodeObject()).metadata?.annotations?.["csi.volume.kubernetes.io/nodeid"] ?? "";
      return ids === '{"other.csi":"fake-node"}';
    });
  });
});

describe("CSI volumes", () => {
  it("are staged and published in upstream's places with upstream's files, and taken down in reverse", async () => {
    const driver = await node.addDriver({});
    await node.addVolume("data", {
      spec: {
        mountOptions: ["noatime"],
        csi: { driver: "fake.csi", volumeHandle: "h1", fsType: "ext4", volumeAttributes: { size: "big" } },
      },
    });
    const pod = node.pod("a", [claimed("data")]);
    await node.prepare(pod);
    expect(volumeCalls(driver)).toEqual(["NodeStageVolume", "NodePublishVolume"]);

    const digest = "33112ee14ee469c3eb52fe90322ec81dd404a0093d565a6d71ce77cbc8124e3b";
    const stage = stageRequest(driver);
    expect(stage.stagingTargetPath).toBe(`${node.root}/plugins/kubernetes.io/csi/fake.csi/${digest}/globalmount`);
    expect(stage).toMatchObject({
      volumeId: "h1",
      volumeContext: { size: "big" },
      volumeCapability: { mount: { fsType: "ext4", mountFlags: ["noatime"] }, accessMode: { mode: 1 } },
    });
    expect(publishRequest(driver)).toMatchObject({
      volumeId: "h1",
      stagingTargetPath: stage.stagingTargetPath,
      targetPath: `${published("a", "data")}/mount`,
      readonly: false,
    });
    const data: unknown = JSON.parse(await readFile(`${published("a", "data")}/vol_data.json`, "utf8"));
    expect(data).toEqual({
      specVolID: "data",
      volumeHandle: "h1",
      driverName: "fake.csi",
      nodeName: VOLUME_NODE,
      volumeLifecycleMode: "Persistent",
      attachmentID: expect.stringMatching(/^csi-[0-9a-f]{64}$/) as unknown,
    });
    const global: unknown = JSON.parse(
      await readFile(stage.stagingTargetPath.replace("globalmount", "vol_data.json"), "utf8"),
    );
    expect(global).toEqual({ volumeHandle: "h1", driverName: "fake.csi" });

    await node.release(pod);
    await node.until("it is unstaged", () => volumeCalls(driver).includes("NodeUnstageVolume"));
    expect(volumeCalls(driver).slice(2)).toEqual(["NodeUnpublishVolume", "NodeUnstageVolume"]);
    await node.until(
      "nothing is left",
      async () => (await readdir(`${node.root}/plugins/kubernetes.io/csi/fake.csi`)).length === 0,
    );
    expect(node.mounts.table).toEqual([]);
    await expect(stat(`${node.root}/pods/uid-a`)).rejects.toThrow("ENOENT");
  });

  it("share one stage among pods, which lasts as long as one of them", async () => {
    const driver = await node.addDriver({});
    await node.addVolume("data");
    const [a, b] = [node.pod("a", [claimed("data")]), node.pod("b", [claimed("data")])];
    await Promise.all([node.prepare(a), node.prepare(b)]);
    expect(driver.names("NodeStageVolume")).toHaveLength(1);
    await node.release(a);
    expect(volumeCalls(driver)).not.toContain("NodeUnstageVolume");
    await node.release(b);
    await node.until("it is unstaged", () => volumeCalls(driver).includes("NodeUnstageVolume"));
  });

  it("are published only, by drivers that do not stage", async () => {
    const driver = await node.addDriver({}, { capabilities: [] });
    await node.addVolume("data");
    const pod = node.pod("a", [claimed("data")]);
    await node.prepare(pod);
    expect(publishRequest(driver).stagingTargetPath).toBe("");
    await node.release(pod);
    expect(volumeCalls(driver)).toEqual(["NodePublishVolume", "NodeUnpublishVolume"]);
  });

  it("that stand in the pod are published as ephemeral, and only by drivers that say so", async () => {
    const driver = await node.addDriver({ volumeLifecycleModes: ["Ephemeral"], podInfoOnMount: true });
    const pod = node.pod("a", [{ name: "scratch", csi: { driver: "fake.csi", volumeAttributes: { x: "y" } } }]);
    await node.prepare(pod);
    expect(volumeCalls(driver)).toEqual(["NodePublishVolume"]);
    expect(publishRequest(driver)).toMatchObject({
      volumeId: expect.stringMatching(/^csi-[0-9a-f]{64}$/) as unknown,
      volumeContext: {
        x: "y",
        "csi.storage.k8s.io/pod.name": "a",
        "csi.storage.k8s.io/pod.namespace": "default",
        "csi.storage.k8s.io/pod.uid": "uid-a",
        "csi.storage.k8s.io/serviceAccount.name": "default",
        "csi.storage.k8s.io/ephemeral": "true",
      },
    });
    await node.release(pod);
    expect(node.mounts.table).toEqual([]);

    await node.addDriver({ volumeLifecycleModes: ["Persistent"] }, { name: "lasting.csi" });
    const refused = node.pod("b", [{ name: "scratch", csi: { driver: "lasting.csi" } }]);
    await expect(node.prepare(refused)).rejects.toThrow(
      'volume mode "Ephemeral" not supported by driver lasting.csi (only supports ["Persistent"])',
    );
  });

  it("get the tokens the driver asks for, as attributes or as secrets", async () => {
    const tokenRequests = [{ audience: "vault", expirationSeconds: 600 }];
    const driver = await node.addDriver({ tokenRequests }, { capabilities: [] });
    const later = await node.addDriver(
      { tokenRequests, serviceAccountTokenInSecrets: true },
      { name: "careful.csi", capabilities: [] },
    );
    await node.addVolume("data");
    await node.addVolume("careful", { driver: "careful.csi" });
    await node.prepare(node.pod("a", [claimed("data"), claimed("careful")]));
    const key = "csi.storage.k8s.io/serviceAccount.tokens";
    const tokens = '{"vault":{"token":"token of a for vault","expirationTimestamp":"2026-02-01T00:00:00Z"}}';
    expect(publishRequest(driver).volumeContext).toEqual({ [key]: tokens });
    expect(publishRequest(driver).secrets).toEqual({});
    expect(publishRequest(later).volumeContext).toEqual({});
    expect(publishRequest(later).secrets).toEqual({ [key]: tokens });
  });

  it("are published again at each look when the driver wants that, and a failure of that harms nobody", async () => {
    const driver = await node.addDriver({ requiresRepublish: true });
    await node.addVolume("data");
    const pod = node.pod("a", [claimed("data")]);
    await node.prepare(pod);
    const before = driver.names("NodePublishVolume").length;
    driver.misbehave("NodePublishVolume", { fail: status.INTERNAL, text: "not now" });
    await node.until("it is tried again", async () => {
      await node.prepare(pod);
      return driver.names("NodePublishVolume").length > before;
    });
    await node.until("the failure is told", () => node.events.some(({ message }) => message.includes("not now")));
    expect(node.mounts.table.some(({ target }) => target.includes("uid-a"))).toBe(true);
    expect(driver.names("NodeUnpublishVolume")).toEqual([]);
  });

  it("grow their file system when the volume has grown, and the claim says so", async () => {
    const driver = await node.addDriver({});
    await node.addVolume("data", { spec: { capacity: { storage: "2Gi" } } });
    await node.prepare(node.pod("a", [claimed("data")]));
    expect(driver.names("NodeExpandVolume")).toHaveLength(1);
    expect(driver.calls.find(({ call }) => call === "NodeExpandVolume")?.request).toMatchObject({
      capacityRange: { requiredBytes: 2n * 2n ** 30n },
    });
    const claim = await node.client.get(PERSISTENT_VOLUME_CLAIMS, { namespace: "default", name: "data" }, SIGNAL);
    expect(claim.status?.capacity).toEqual({ storage: "2Gi" });
    expect(node.events.map(({ reason }) => reason)).toEqual(["FileSystemResizeSuccessful"]);
  });

  it("with ReadWriteOncePod are kept to one pod of the node", async () => {
    await node.addDriver({});
    await node.addVolume("data", { spec: { accessModes: ["ReadWriteOncePod"] } });
    const [a, b] = [node.pod("a", [claimed("data")]), node.pod("b", [claimed("data")])];
    await node.prepare(a);
    await expect(node.prepare(b)).rejects.toThrow(
      'MountVolume.SetUp failed for volume "data" : volume uses the ReadWriteOncePod access mode and is already in use by another pod',
    );
    await node.release(a);
    await node.prepare(b);
  });

  it("give their files to the pod's group, by the driver where it can and by the kubelet where it may", async () => {
    const able = await node.addDriver({ fsGroupPolicy: "File" }, { capabilities: ["VOLUME_MOUNT_GROUP"] });
    await node.addVolume("data");
    await node.prepare(node.pod("a", [claimed("data")], { fsGroup: 1234 }));
    expect(publishRequest(able).volumeCapability?.mount?.volumeMountGroup).toBe("1234");

    await node.addDriver({ fsGroupPolicy: "File" }, { name: "plain.csi" });
    await node.addVolume("plain", { driver: "plain.csi" });
    if (process.getuid?.() === 0) {
      await node.prepare(node.pod("b", [claimed("plain")], { fsGroup: 1234 }));
      expect((await stat(`${published("b", "plain")}/mount`)).gid).toBe(1234);
    }
  });
});

describe("calls to drivers", () => {
  it("are told to metrics with their gRPC status", async () => {
    const driver = await node.addDriver({});
    await node.addVolume("data");
    driver.misbehave("NodeStageVolume", { fail: status.FAILED_PRECONDITION });
    const pod = node.pod("a", [claimed("data")]);
    await node.prepare(pod).catch(() => undefined);
    await node.until("it is mounted", async () =>
      node.prepare(pod).then(
        () => true,
        () => false,
      ),
    );
    const told = node.operations.filter(({ method }) => !method.endsWith("Capabilities"));
    expect(told.map(({ driver: name, method, status: code }) => [name, method, code])).toEqual([
      ["fake.csi", "/csi.v1.Node/NodeStageVolume", "FailedPrecondition"],
      ["fake.csi", "/csi.v1.Node/NodeStageVolume", "OK"],
      ["fake.csi", "/csi.v1.Node/NodePublishVolume", "OK"],
    ]);
  });

  it("ask for the limit again as often as the driver wants, and show it", async () => {
    let limit = 5;
    await node.addDriver({ nodeAllocatableUpdatePeriodSeconds: 10 }, { maximumVolumes: () => limit });
    limit = 7;
    await node.until("it is shown", async () => (await csiNode()).spec?.drivers?.[0]?.allocatable?.count === 7);
  });
});

describe("CSI volumes and the API server", () => {
  it("wait for their attachment, and pass on what the attacher says", async () => {
    const driver = await node.addDriver({ attachRequired: true });
    await node.addVolume("data");
    const pod = node.pod("a", [claimed("data")]);
    const mounting = node.prepare(pod);
    await node.until("it is reported in use", () => node.storage().volumes.attached().length > 0);
    expect(driver.names("NodeStageVolume")).toEqual([]);
    const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
    const name = attachmentName({ driver: "fake.csi", handle: "handle-data" }, VOLUME_NODE, digest);
    const spec = { attacher: "fake.csi", nodeName: VOLUME_NODE, source: { persistentVolumeName: "data" } };
    const made = await node.client.create(VOLUME_ATTACHMENTS, { metadata: { name }, spec }, SIGNAL);
    const status = { attached: true, attachmentMetadata: { device: "xvdb" } };
    await node.client.updateStatus(VOLUME_ATTACHMENTS, { ...made, status }, SIGNAL);
    await mounting;
    expect(stageRequest(driver).publishContext).toEqual({ device: "xvdb" });
    expect(publishRequest(driver).publishContext).toEqual({ device: "xvdb" });
    expect(node.storage().volumes.attached()).toEqual(["kubernetes.io/csi/fake.csi^handle-data"]);
  });

  it("tell the driver the secrets of each call, and no other", async () => {
    const driver = await node.addDriver({});
    for (const name of ["stage", "publish"]) {
      const data = { [name]: btoa(`${name} secret`) };
      await node.client.create(SECRETS, { metadata: { name, namespace: "default" }, data }, SIGNAL);
    }
    const reference = (name: string) => ({ name, namespace: "default" });
    const csi = {
      driver: "fake.csi",
      volumeHandle: "h",
      nodeStageSecretRef: reference("stage"),
      nodePublishSecretRef: reference("publish"),
    };
    await node.addVolume("data", { spec: { csi } });
    await node.prepare(node.pod("a", [claimed("data")]));
    expect(stageRequest(driver).secrets).toEqual({ stage: "stage secret" });
    expect(publishRequest(driver).secrets).toEqual({ publish: "publish secret" });
  });

  it("are refused to pods with IDs of their own where the filesystem can not show them", async () => {
    await node.addDriver({}, { filesystem: "nfs" });
    await node.addVolume("data");
    await expect(node.prepare(node.pod("a", [claimed("data")], { hostUsers: false }))).rejects.toThrow(
      "can not be used by a pod with hostUsers: false",
    );
    await node.prepare(node.pod("b", [claimed("data")]));
  });
});

describe("how full CSI volumes are", () => {
  it("is asked of the driver, and shown once for each claim", async () => {
    const driver = await node.addDriver({});
    await node.addVolume("data");
    const [a, b] = [node.pod("a", [claimed("data")]), node.pod("b", [claimed("data")])];
    await node.prepare(a);
    await node.prepare(b);
    const registry = new Registry();
    registerVolumeStats(registry, {
      pods: () => [a, b],
      volumePaths: node.manager().volumePaths,
      usages: createVolumeUsages(
        {
          clock: createFakeClock(),
          sharedUsage: node.storage().usageOf,
          host: {
            filesystem: () => Promise.reject(new Error("not asked")),
            treeUsage: () => Promise.reject(new Error()),
          },
        },
        { volumeAge: 60_000 },
      ),
      clock: createFakeClock(),
    });
    const text = await registry.metrics();
    const labels = '{namespace="default",persistentvolumeclaim="data"}';
    expect(text.split("\n").filter((line) => line.startsWith("kubelet_volume_stats_"))).toEqual([
      `kubelet_volume_stats_capacity_bytes${labels} 1000`,
      `kubelet_volume_stats_available_bytes${labels} 600`,
      `kubelet_volume_stats_used_bytes${labels} 400`,
      `kubelet_volume_stats_inodes${labels} 100`,
      `kubelet_volume_stats_inodes_free${labels} 90`,
      `kubelet_volume_stats_inodes_used${labels} 10`,
    ]);
    expect(driver.names("NodeGetVolumeStats")).toHaveLength(1);
  });
});
