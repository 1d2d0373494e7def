import { readFile, rm, writeFile } from "node:fs/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { NodePublishVolumeRequest, NodeStageVolumeRequest } from "../../adapters/csi/generated/csi.ts";
import { CSI_DRIVERS, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from "../../machinery/resources.ts";
import type { FakeCsiDriver } from "../../testing/fake-csi-driver.ts";
import {
  claimed,
  startVolumeNode,
  type PodOptions,
  type VolumeNode,
  type VolumeNodeOptions,
} from "../../testing/volume-node.ts";

const SIGNAL = new AbortController().signal;
const LABEL = "system_u:object_r:container_file_t:s0";
let node: VolumeNode;
let driver: FakeCsiDriver;

async function begin(
  options: VolumeNodeOptions & { readonly modes?: readonly string[]; readonly drops?: string } = {},
): Promise<void> {
  node = await startVolumeNode({ seLinux: true, ...options });
  driver = await node.addDriver({ seLinuxMount: true }, options.drops === undefined ? {} : { drops: options.drops });
  await node.addVolume("data", { spec: { accessModes: [...(options.modes ?? ["ReadWriteOncePod"])] } });
}

afterEach(async () => {
  await node.stop();
});

const on = { SELinuxMount: true };
const pod = (name: string, level: string, options: PodOptions = {}): ReturnType<VolumeNode["pod"]> =>
  node.pod(name, [claimed("data")], { level, ...options });
const flagsOf = (call: "NodeStageVolume" | "NodePublishVolume"): readonly string[] | undefined => {
  const request = driver.calls.findLast((each) => each.call === call)?.request as
    | NodeStageVolumeRequest
    | NodePublishVolumeRequest
    | undefined;
  return request?.volumeCapability?.mount?.mountFlags;
};
const relabelOf = async (of: ReturnType<VolumeNode["pod"]>): Promise<boolean | undefined> => {
  const [container] = of.spec?.containers ?? [];
  if (container === undefined) throw new Error("no container");
  const mounts = await node.volumes().mounts(of, container, { podIps: [], attempt: 0 }, SIGNAL);
  return mounts.find(({ containerPath }) => containerPath === "/data")?.seLinuxRelabel;
};
const volumeCalls = (): readonly string[] =>
  driver.names("NodeStageVolume", "NodePublishVolume", "NodeUnpublishVolume", "NodeUnstageVolume");

describe("a volume mounted with a label", () => {
  it("gets the option last and quoted, with the level as the pod wrote it, and is not relabelled by the runtime", async () => {
    await begin();
    const a = pod("a", "s0:c26,c15");
    await node.prepare(a);
    const option = `context="${LABEL}:c26,c15"`;
    expect(flagsOf("NodeStageVolume")).toEqual([option]);
    expect(flagsOf("NodePublishVolume")).toEqual([option]);
    expect(await relabelOf(a)).toBe(false);
    const data = JSON.parse(
      await readFile(`${node.root}/pods/uid-a/volumes/kubernetes.io~csi/data/vol_data.json`, "utf8"),
    ) as { readonly seLinuxMountContext?: string };
    expect(data.seLinuxMountContext).toBe("system_u:object_r:container_file_t:s0:c26,c15");
    expect(await node.selinuxSeries()).toEqual({
      "volume_manager_selinux_volumes_admitted_total{access_mode=RWOP,volume_plugin=kubernetes.io/csi/fake.csi}": 1,
    });
  });

  it("is left to the runtime when the pod opts out, for other modes while SELinuxMount is off, and without a level", async () => {
    await begin();
    const recursive = pod("a", "s0:c1", { policy: "Recursive" });
    await node.prepare(recursive);
    expect(flagsOf("NodeStageVolume")).toEqual([]);
    expect(await relabelOf(recursive)).toBe(true);
    await node.release(recursive);
    await node.stop();

    await begin({ modes: ["ReadWriteMany"] });
    const many = pod("a", "s0:c1");
    await node.prepare(many);
    expect(flagsOf("NodePublishVolume")).toEqual([]);
    expect(await relabelOf(many)).toBe(true);
    await node.stop();

    await begin();
    const bare = node.pod("a", [claimed("data")]);
    await node.prepare(bare);
    expect(flagsOf("NodePublishVolume")).toEqual([]);
    expect(await relabelOf(bare)).toBe(true);
    expect(await node.selinuxSeries()).toEqual({});
  });

  it("costs nothing on a node without SELinux: no option, no label, no series", async () => {
    await begin({ seLinux: false, gates: on });
    const a = pod("a", "s0:c1");
    await node.prepare(a);
    await node.prepare(pod("b", "s0:c2")).catch(() => undefined);
    expect(flagsOf("NodePublishVolume")).toEqual([]);
    expect(await relabelOf(a)).toBe(false);
    expect(await node.selinuxSeries()).toEqual({});
  });

  it("keeps a context an administrator wrote into the mount options, alone", async () => {
    await begin({ gates: on });
    const mountOptions = ["noatime", 'context="system_u:object_r:nfs_t:s0"'];
    await node.addVolume("fixed", { spec: { accessModes: ["ReadWriteMany"], mountOptions } });
    await node.prepare(node.pod("a", [claimed("fixed")], { level: "s0:c1" }));
    await node.prepare(node.pod("b", [claimed("fixed")], { level: "s0:c2" }));
    expect(flagsOf("NodeStageVolume")).toEqual(mountOptions);
    expect(await node.selinuxSeries()).toEqual({});
  });

  it("is refused when the policy does not know the label", async () => {
    await begin();
    const a = node.pod("a", [claimed("data")], {});
    const unknown = {
      ...a,
      spec: { ...a.spec, securityContext: { seLinuxOptions: { user: "unknown_u", level: "s0" } } },
    } as typeof a;
    await expect(node.prepare(unknown)).rejects.toThrow(
      'the policy of this node does not know "unknown_u:object_r:container_file_t:s0"',
    );
    expect(await node.selinuxSeries()).toEqual({
      "volume_manager_selinux_container_errors_total{access_mode=RWOP}": 1,
    });
  });

  it("blames a driver that drops the option, and takes the mount down again", async () => {
    await begin({ drops: "context=" });
    const a = pod("a", "s0:c1");
    await expect(node.prepare(a)).rejects.toThrow(
      /CSI driver fake\.csi was asked to mount volume data with -o context="system_u:object_r:container_file_t:s0:c1" .*but mounted it without a context/,
    );
    expect(node.mounts.table).toEqual([]);
    await node.release(a);
  });
});

describe("two pods with two labels", () => {
  const conflict =
    'Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: conflicting SELinux labels of volume data: "system_u:object_r:container_file_t:s0:c1" and "system_u:object_r:container_file_t:s0:c2": pod "a" of this namespace uses it on this node with the first, this pod needs the second and starts when the volume is free';

  it("wait for each other, and the second starts once the first is gone, remounted with its own label", async () => {
    await begin({ gates: on, modes: ["ReadWriteMany"] });
    const [a, b] = [pod("a", "s0:c1"), pod("b", "s0:c2")];
    await node.prepare(a);
    await expect(node.prepare(b)).rejects.toThrow(conflict);
    expect(await node.selinuxSeries()).toMatchObject({
      "volume_manager_selinux_volume_context_mismatch_errors_total{access_mode=RWX,volume_plugin=kubernetes.io/csi/fake.csi}": 1,
    });
    let freed = 0;
    node.storage().onFreed(() => {
      freed += 1;
    });
    await node.release(a);
    expect(freed).toBeGreaterThan(0);
    await node.prepare(b);
    expect(volumeCalls()).toEqual([
      "NodeStageVolume",
      "NodePublishVolume",
      "NodeUnpublishVolume",
      "NodeUnstageVolume",
      "NodeStageVolume",
      "NodePublishVolume",
    ]);
    expect(flagsOf("NodeStageVolume")).toEqual([`context="system_u:object_r:container_file_t:s0:c2"`]);
  });

  it("conflict also when the second asks for none, as a privileged pod does", async () => {
    await begin({ gates: on, modes: ["ReadWriteMany"] });
    await node.prepare(pod("a", "s0:c1"));
    await expect(node.prepare(node.pod("b", [claimed("data")]))).rejects.toThrow(
      'conflicting SELinux labels of volume data: "system_u:object_r:container_file_t:s0:c1" and "" (no label): pod "a"',
    );
  });

  it("run together while SELinuxMount is off, and are counted as a warning", async () => {
    await begin({ modes: ["ReadWriteMany"] });
    await node.prepare(pod("a", "s0:c1"));
    await node.prepare(pod("b", "s0:c2"));
    const labels = "{access_mode=RWX,volume_plugin=kubernetes.io/csi/fake.csi}";
    expect(await node.selinuxSeries()).toEqual({
      [`volume_manager_selinux_volumes_admitted_total${labels}`]: 1,
      [`volume_manager_selinux_volume_context_mismatch_warnings_total${labels}`]: 1,
    });
  });

  it("do not conflict when the labels are spelled differently only, and the stage is shared", async () => {
    await begin({ gates: on, modes: ["ReadWriteMany"] });
    await node.prepare(pod("a", "s0:c1,c2,c3"));
    await node.prepare(pod("b", "s0:c3,c1.c2"));
    expect(driver.names("NodeStageVolume")).toHaveLength(1);
    expect(driver.names("NodePublishVolume")).toHaveLength(2);
  });

  it("do not tell a pod of another namespace anything about the first", async () => {
    await begin({ gates: on, modes: ["ReadWriteMany"] });
    await node.prepare(pod("a", "s0:c1"));
    const { client } = node;
    await node.addVolume("twin", {
      spec: { accessModes: ["ReadWriteMany"], csi: { driver: "fake.csi", volumeHandle: "handle-data" } },
    });
    const claim = await client.get(PERSISTENT_VOLUME_CLAIMS, { namespace: "default", name: "twin" }, SIGNAL);
    const { resourceVersion: _, uid: __, ...metadata } = claim.metadata ?? {};
    const made = await client.create(
      PERSISTENT_VOLUME_CLAIMS,
      { metadata: { ...metadata, namespace: "other" }, spec: { ...claim.spec } } as typeof claim,
      SIGNAL,
    );
    await client.updateStatus(
      PERSISTENT_VOLUME_CLAIMS,
      { ...made, status: { ...claim.status } } as typeof claim,
      SIGNAL,
    );
    const volume = await client.get(PERSISTENT_VOLUMES, { name: "twin" }, SIGNAL);
    const claimRef = { namespace: "other", name: "twin", uid: made.metadata?.uid ?? "" };
    await client.update(PERSISTENT_VOLUMES, { ...volume, spec: { ...volume.spec, claimRef } }, SIGNAL);
    const stranger = node.pod("b", [claimed("twin")], { namespace: "other", level: "s0:c2" });
    const failure = await node.prepare(stranger).catch((reason: unknown) => String(reason));
    expect(failure).toContain(
      'this pod needs "system_u:object_r:container_file_t:s0:c2", a pod of another namespace uses it',
    );
    expect(failure).not.toMatch(/"a"|s0:c1"/);
  });

  it("of one pod are refused with both labels where the option is used, and counted where it is not yet", async () => {
    await begin();
    const twoLabels = (name: string): ReturnType<VolumeNode["pod"]> => {
      const base = node.pod(name, [claimed("data")]);
      const volumeMounts = [{ name: "data", mountPath: "/data" }];
      const container = (level: string) => ({
        name: level,
        image: "i",
        volumeMounts,
        securityContext: { seLinuxOptions: { level: `s0:${level}` } },
      });
      return { ...base, spec: { ...base.spec, containers: [container("c1"), container("c2")] } };
    };
    await expect(node.prepare(twoLabels("a"))).rejects.toThrow(
      'multiple SELinux labels found for volume data: containers of this pod need "system_u:object_r:container_file_t:s0:c1", "system_u:object_r:container_file_t:s0:c2"',
    );
    expect(await node.selinuxSeries()).toEqual({
      "volume_manager_selinux_pod_context_mismatch_errors_total{access_mode=RWOP}": 1,
    });
    await node.stop();
    await begin({ modes: ["ReadWriteOnce"] });
    await node.prepare(twoLabels("a"));
    expect(await node.selinuxSeries()).toEqual({
      "volume_manager_selinux_pod_context_mismatch_warnings_total{access_mode=RWO}": 1,
    });
  });
});

describe("after a restart", () => {
  /** Every step at which the kubelet can die, as the calls that had happened by then. */
  const deaths = [
    ["in the middle of staging", { call: "NodeStageVolume", how: "late" }],
    ["in the middle of publishing", { call: "NodePublishVolume", how: "late" }],
  ] as const;

  it.each(deaths)("%s, the first pod goes on and the second still waits", async (_what, { call, how }) => {
    await begin({ gates: on, modes: ["ReadWriteMany"] });
    const [a, b] = [pod("a", "s0:c20,c10"), pod("b", "s0:c2")];
    driver.misbehave(call, how);
    await node.prepare(a).catch(() => undefined);
    await node.restart();
    // Published, it is the first's whoever asks first; only staged, it is whose who asks first.
    if (call === "NodePublishVolume") await expect(node.prepare(b)).rejects.toThrow(/waiting for unmount of volume/);
    await node.prepare(a);
    expect(flagsOf("NodePublishVolume")).toEqual([`context="system_u:object_r:container_file_t:s0:c20,c10"`]);
    expect(driver.names("NodeUnpublishVolume")).toEqual([]);
    await expect(node.prepare(b)).rejects.toThrow("conflicting SELinux labels");
    await node.restart();
    await node.release(a);
    await node.until("the second starts", async () =>
      node.prepare(b).then(
        () => true,
        () => false,
      ),
    );
    expect(flagsOf("NodeStageVolume")).toEqual([`context="system_u:object_r:container_file_t:s0:c2"`]);
  });

  it("between unpublish and unstage, the volume is unstaged and given to the next", async () => {
    await begin({ gates: on, modes: ["ReadWriteMany"] });
    const [a, b] = [pod("a", "s0:c1"), pod("b", "s0:c2")];
    await node.prepare(a);
    driver.misbehave("NodeUnstageVolume", { fail: 14 }, "always");
    await node.release(a);
    await node.restart();
    await expect(node.prepare(b)).rejects.toThrow();
    driver.misbehave("NodeUnstageVolume", undefined);
    await node.until("the second starts", async () =>
      node.prepare(b).then(
        () => true,
        () => false,
      ),
    );
    expect(flagsOf("NodeStageVolume")).toEqual([`context="system_u:object_r:container_file_t:s0:c2"`]);
    expect(node.mounts.table.map(({ superOptions }) => superOptions.join())).toEqual(
      Array.from({ length: 2 }, () => `context="system_u:object_r:container_file_t:s0:c2"`),
    );
  });

  it("nothing is mounted anew under a pod whose label would be another now", async () => {
    await begin({ gates: on, modes: ["ReadWriteMany"] });
    const a = pod("a", "s0:c1");
    await node.prepare(a);
    await node.client.patch(
      CSI_DRIVERS,
      { name: "fake.csi" },
      { type: "merge", value: { spec: { seLinuxMount: false } } },
      SIGNAL,
    );
    await node.restart();
    await node.prepare(a);
    expect(volumeCalls()).not.toContain("NodeUnpublishVolume");
    expect(flagsOf("NodePublishVolume")).toEqual([`context="system_u:object_r:container_file_t:s0:c1"`]);
    expect(await relabelOf(a)).toBe(false);
  });

  it("a volume whose file is damaged is left alone: neither unmounted nor deleted", async () => {
    await begin();
    const a = pod("a", "s0:c1");
    await node.prepare(a);
    const path = `${node.root}/pods/uid-a/volumes/kubernetes.io~csi/data/vol_data.json`;
    await writeFile(path, "{");
    await node.restart();
    await expect(node.release(a)).rejects.toThrow(/refusing to (clean up|delete)/);
    // Another volume comes and goes: by then the damaged one has been looked at as well.
    await node.addVolume("other", { spec: { accessModes: ["ReadWriteOncePod"] } });
    const b = node.pod("b", [claimed("other")]);
    await node.prepare(b);
    await node.release(b);
    await node.until("the other is unstaged", () => driver.names("NodeUnstageVolume").length > 0);
    const undone = driver.calls.filter(({ call }) => call === "NodeUnpublishVolume" || call === "NodeUnstageVolume");
    expect(undone.map(({ volumeId }) => volumeId)).toEqual(["handle-other", "handle-other"]);
    await rm(path);
  });
});
