import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { status } from "@grpc/grpc-js";
import type { Pod } from "../../api/types.ts";
import type { FakeCsiDriver } from "../../testing/fake-csi-driver.ts";
import { claimed, startVolumeNode, VOLUME_NODE, type VolumeNode } from "../../testing/volume-node.ts";

let node: VolumeNode;
beforeEach(async () => {
  node = await startVolumeNode();
});
afterEach(async () => {
  await node.stop();
});

/** A pod whose container gets its volumes as devices. */
function podWithDevice(name: string, volume: string, readOnly = false): Pod {
  const pod = node.pod(name, [
    { name: volume, persistentVolumeClaim: { claimName: volume, ...(readOnly && { readOnly }) } },
  ]);
  const volumeDevices = [{ name: volume, devicePath: "/dev/disk" }];
  return { ...pod, spec: { ...pod.spec, containers: [{ name: "main", image: "i", volumeDevices }] } };
}
const addBlockVolume = (name: string): Promise<void> => node.addVolume(name, { spec: { volumeMode: "Block" } });
const volumeCalls = (driver: FakeCsiDriver): readonly string[] =>
  driver.names("NodeStageVolume", "NodePublishVolume", "NodeUnpublishVolume", "NodeUnstageVolume");
const plugin = (path: string): string => `${node.root}/plugins/kubernetes.io/csi/volumeDevices/${path}`;
const isGone = async (path: string): Promise<boolean> =>
  stat(path).then(
    () => false,
    () => true,
  );

describe("block volumes of CSI drivers", () => {
  it("are staged and published in upstream's places, and taken down in reverse", async () => {
    const driver = await node.addDriver({});
    await addBlockVolume("data");
    const pod = podWithDevice("a", "data");
    await node.prepare(pod);
    const requests = driver.calls.filter(({ call }) => /Stage|Publish/.test(call)).map(({ request }) => request);
    expect(requests).toMatchObject([
      {
        volumeId: "handle-data",
        stagingTargetPath: plugin("staging/data"),
        volumeCapability: { block: {}, mount: undefined, accessMode: { mode: 1 } },
      },
      {
        stagingTargetPath: plugin("staging/data"),
        targetPath: plugin("publish/data/uid-a"),
        volumeCapability: { block: {}, mount: undefined },
      },
    ]);
    expect(JSON.parse(await readFile(plugin("data/data/vol_data.json"), "utf8"))).toEqual({
      specVolID: "data",
      volumeHandle: "handle-data",
      driverName: "fake.csi",
      nodeName: VOLUME_NODE,
      attachmentID: expect.stringMatching(/^csi-[0-9a-f]{64}$/) as unknown,
    });
    const link = `${node.root}/pods/uid-a/volumeDevices/kubernetes.io~csi/data`;
    expect(await readlink(link)).toBe(plugin("publish/data/uid-a"));
    expect(node.devices(pod)).toEqual([
      { containerPath: "/dev/disk", hostPath: plugin("publish/data/uid-a"), permissions: "mrw" },
    ]);

    await node.release(pod);
    await node.until("it is unstaged", () => volumeCalls(driver).includes("NodeUnstageVolume"));
    expect(volumeCalls(driver).slice(2)).toEqual(["NodeUnpublishVolume", "NodeUnstageVolume"]);
    await node.until("nothing is left", () => isGone(plugin("data")));
    expect(node.mounts.table).toEqual([]);
    expect(await isGone(`${node.root}/pods/uid-a`)).toBe(true);
  });

  it("are read only where the pod's volume says so", async () => {
    await node.addDriver({});
    await addBlockVolume("data");
    const pod = podWithDevice("a", "data", true);
    await node.prepare(pod);
    expect(node.devices(pod)).toMatchObject([{ permissions: "r" }]);
  });

  it("of drivers that do not stage are published only", async () => {
    const driver = await node.addDriver({}, { capabilities: [] });
    await addBlockVolume("data");
    const pod = podWithDevice("a", "data");
    await node.prepare(pod);
    await node.release(pod);
    expect(volumeCalls(driver)).toEqual(["NodePublishVolume", "NodeUnpublishVolume"]);
    expect(await readdir(plugin(""))).not.toContain("data");
  });

  it("are found after a restart, kept for the pod that has them, and taken down with it", async () => {
    const driver = await node.addDriver({});
    await addBlockVolume("data");
    const pod = podWithDevice("a", "data");
    await node.prepare(pod);
    await node.restart();
    await node.prepare(pod);
    expect(node.devices(pod)).toHaveLength(1);
    await node.restart();
    await node.release(pod);
    await node.until("it is unstaged", () => volumeCalls(driver).includes("NodeUnstageVolume"));
    await node.until("nothing is left", () => isGone(plugin("data")));
  });

  it("leave nothing behind when the driver refuses them", async () => {
    const driver = await node.addDriver({});
    await addBlockVolume("data");
    const pod = podWithDevice("a", "data");
    driver.misbehave("NodeStageVolume", { fail: status.INVALID_ARGUMENT, text: "no block volumes here" });
    await expect(node.prepare(pod)).rejects.toThrow("no block volumes here");
    expect(await isGone(plugin("data"))).toBe(true);
  });

  it("are not handed out when the driver made none", async () => {
    const driver = await node.addDriver({});
    await addBlockVolume("data");
    driver.misbehave("NodePublishVolume", "lie");
    await expect(node.prepare(podWithDevice("a", "data"))).rejects.toThrow(/success, but there is no block device at/);
  });

  it("stay where they are when the driver lies about taking them down", async () => {
    const driver = await node.addDriver({});
    await addBlockVolume("data");
    const pod = podWithDevice("a", "data");
    await node.prepare(pod);
    driver.misbehave("NodeUnpublishVolume", "lie");
    await expect(node.release(pod)).rejects.toThrow("is still mounted; nothing is deleted");
    expect(await isGone(plugin("publish/data/uid-a"))).toBe(false);
    await node.until("it is asked again", () =>
      node.release(pod).then(
        () => true,
        () => false,
      ),
    );
  });
});

describe("block volumes of other kinds", () => {
  it("are refused with what is wrong, instead of a container without its device", async () => {
    const iscsi = { targetPortal: "10.0.0.1", iqn: "iqn.2026-01.io.example:disk", lun: 1 };
    await node.addVolume("disk", { spec: { volumeMode: "Block", csi: undefined, iscsi } as never });
    await expect(node.prepare(podWithDevice("a", "disk"))).rejects.toThrow(
      "persistent volume disk is a raw block device, which is only supported for CSI volumes",
    );
    expect(node.logins).toEqual([]);
  });
});

describe("modes of volumes", () => {
  it("must be those the container wants", async () => {
    await node.addDriver({});
    await addBlockVolume("raw");
    await node.addVolume("files");
    await expect(node.prepare(node.pod("a", [claimed("raw")]))).rejects.toThrow(
      "volume raw has volumeMode Block, but is specified in volumeMounts",
    );
    await expect(node.prepare(podWithDevice("b", "files"))).rejects.toThrow(
      "volume files has volumeMode Filesystem, but is specified in volumeDevices",
    );
  });
});
