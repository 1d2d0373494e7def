import { describe, expect, it } from "vitest";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { claimKeysOf, podVolumesOf } from "./pod-volumes.ts";

const CLAIM: PersistentVolumeClaim = {
  metadata: { namespace: "ns", name: "data", uid: "claim-1" },
  spec: { volumeName: "pv" },
};
const VOLUME: PersistentVolume = {
  metadata: { name: "pv" },
  spec: {
    accessModes: ["ReadWriteMany"],
    claimRef: { namespace: "ns", name: "data", uid: "claim-1" },
    csi: { driver: "d", volumeHandle: "h" },
  },
};

type Spec = NonNullable<Pod["spec"]>;
const mounts = (name: string) => [{ name, mountPath: `/${name}` }];

function podWith(spec: Partial<Spec> = {}, phase = "Running"): Pod {
  return {
    metadata: { namespace: "ns", name: "p", uid: "p" },
    spec: {
      securityContext: { seLinuxOptions: { level: "s0:c1,c2" } },
      containers: [{ name: "c", volumeMounts: mounts("v") }],
      volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }],
      ...spec,
    },
    status: { phase },
  };
}

function volumesOf(pod: Pod, volume: PersistentVolume = VOLUME, claim: PersistentVolumeClaim = CLAIM) {
  return podVolumesOf(pod, {
    claim: (key) => (key === `${claim.metadata?.namespace}/${claim.metadata?.name}` ? claim : undefined),
    persistentVolume: (name) => (name === volume.metadata?.name ? volume : undefined),
  });
}

const container = (name: string, seLinuxOptions?: { readonly level?: string; readonly type?: string }) => ({
  name,
  volumeMounts: mounts("v"),
  ...(seLinuxOptions !== undefined && { securityContext: { seLinuxOptions } }),
});

describe("podVolumesOf()", () => {
  it("takes a claimed volume with the pod's label, and where it comes from", () => {
    expect(volumesOf(podWith())).toEqual({
      severalLabels: [],
      uses: [
        {
          volume: "kubernetes.io/csi/d^h",
          plugin: "kubernetes.io/csi/d",
          persistentVolume: "pv",
          claim: { namespace: "ns", name: "data" },
          accessModes: ["ReadWriteMany"],
          policy: "MountOption",
          label: { user: "", role: "", type: "", level: "s0:c1,c2" },
        },
      ],
    });
  });

  it.each(["Pending", "Running", "Unknown"])("looks at a pod that is %s", (phase) => {
    expect(volumesOf(podWith({}, phase)).uses).toHaveLength(1);
  });

  it.each(["Succeeded", "Failed"])("forgets a pod that has %s", (phase) => {
    expect(volumesOf(podWith({}, phase)).uses).toEqual([]);
  });

  it("leaves out pods for Windows, volumes that nobody mounts, and devices", () => {
    expect(volumesOf(podWith({ os: { name: "windows" } })).uses).toEqual([]);
    expect(volumesOf(podWith({ containers: [{ name: "c" }] })).uses).toEqual([]);
    const device = { name: "c", volumeDevices: [{ name: "v", devicePath: "/dev/x" }] };
    expect(volumesOf(podWith({ containers: [device] })).uses).toEqual([]);
    expect(volumesOf(podWith(), { ...VOLUME, spec: { ...VOLUME.spec, volumeMode: "Block" } }).uses).toEqual([]);
  });

  it("leaves out what is in the pod itself: such volumes are never mounted with a label", () => {
    const inline = [
      { name: "v", csi: { driver: "d" } },
      { name: "v", emptyDir: {} },
      { name: "v", hostPath: { path: "/var/log" } },
      { name: "v", iscsi: { targetPortal: "t", iqn: "i", lun: 0 } },
      { name: "v", awsElasticBlockStore: { volumeID: "vol" } },
    ];
    for (const volume of inline) expect(volumesOf(podWith({ volumes: [volume] })).uses).toEqual([]);
  });

  it("leaves out volumes whose plugin never mounts with a label", () => {
    const { csi: _, ...rest } = VOLUME.spec ?? {};
    for (const source of [{ nfs: { server: "s", path: "/" } }, { hostPath: { path: "/" } }, { local: { path: "/" } }]) {
      expect(volumesOf(podWith(), { ...VOLUME, spec: { ...rest, ...source } }).uses).toEqual([]);
    }
    const fc = { ...VOLUME, spec: { ...rest, fc: { targetWWNs: ["a", "b"], lun: 2 } } };
    expect(volumesOf(podWith(), fc).uses).toMatchObject([{ volume: "kubernetes.io/fc/[a b]:2" }]);
    const disk = { ...VOLUME, spec: { ...rest, awsElasticBlockStore: { volumeID: "aws://zone/vol-1" } } };
    expect(volumesOf(podWith(), disk).uses).toMatchObject([{ volume: "kubernetes.io/csi/ebs.csi.aws.com^vol-1" }]);
  });

  it("waits for the claim and the volume to be bound, and to each other", () => {
    expect(volumesOf(podWith(), VOLUME, { ...CLAIM, spec: {} }).uses).toEqual([]);
    expect(volumesOf(podWith(), { ...VOLUME, metadata: { name: "elsewhere" } }).uses).toEqual([]);
    const other = { ...CLAIM, metadata: { ...CLAIM.metadata, uid: "made-again" } };
    expect(volumesOf(podWith(), VOLUME, other).uses).toEqual([]);
    const taken = { ...VOLUME, spec: { ...VOLUME.spec, claimRef: { namespace: "ns", name: "other" } } };
    expect(volumesOf(podWith(), taken).uses).toEqual([]);
  });

  it("finds the claim of an ephemeral volume by its name", () => {
    const pod = podWith({ volumes: [{ name: "v", ephemeral: {} }] });
    expect(claimKeysOf(pod)).toEqual(["ns/p-v"]);
    const claim = { metadata: { namespace: "ns", name: "p-v", uid: "claim-1" }, spec: { volumeName: "pv" } };
    const claimRef = { namespace: "ns", name: "p-v", uid: "claim-1" };
    expect(volumesOf(pod, { ...VOLUME, spec: { ...VOLUME.spec, claimRef } }, claim).uses).toHaveLength(1);
  });

  it("says why a volume is relabelled recursively", () => {
    const because = (spec: Partial<Spec>): unknown =>
      volumesOf(podWith(spec)).uses.map((use) => [use.policy, use.because]);
    expect(
      because({ securityContext: { seLinuxOptions: { level: "s0:c1" }, seLinuxChangePolicy: "Recursive" } }),
    ).toEqual([["Recursive", "opted-out"]]);
    expect(because({ securityContext: {} })).toEqual([["Recursive", "no-label"]]);
    expect(because({ securityContext: { seLinuxOptions: { type: "spc_t" } } })).toEqual([["Recursive", "no-level"]]);
    const half = [container("a", { level: "s0:c1" }), container("b")];
    expect(because({ securityContext: {}, containers: half })).toEqual([["Recursive", "no-level"]]);
  });

  it("takes a container's options whole, in place of the pod's", () => {
    const containers = [container("a", { type: "t" })];
    expect(volumesOf(podWith({ containers })).uses).toMatchObject([{ policy: "Recursive", because: "no-level" }]);
  });

  it("counts init and ephemeral containers", () => {
    const spec = { initContainers: [container("i", { level: "s0:c9" })] };
    expect(volumesOf(podWith(spec)).severalLabels).toMatchObject([
      { podVolume: "v", plugin: "kubernetes.io/csi/d", labels: [":::s0:c1,c2", ":::s0:c9"] },
    ]);
    const ephemeral = { ephemeralContainers: [container("e", { level: "s0:c9" })] };
    expect(volumesOf(podWith(ephemeral)).severalLabels).toHaveLength(1);
  });

  it("does not mind containers that need different labels once the pod has opted out", () => {
    const containers = [container("a", { level: "s0:c1" }), container("b", { level: "s0:c2" })];
    const securityContext = { seLinuxChangePolicy: "Recursive" } as const;
    expect(volumesOf(podWith({ containers, securityContext }))).toMatchObject({
      severalLabels: [],
      uses: [{ policy: "Recursive" }],
    });
  });

  it("knows two claims of one volume in one pod for the same volume", () => {
    const levels = [
      { name: "a", volumeMounts: mounts("v"), securityContext: { seLinuxOptions: { level: "s0:c1" } } },
      { name: "b", volumeMounts: mounts("w"), securityContext: { seLinuxOptions: { level: "s0:c2" } } },
    ];
    const volumes = ["v", "w"].map((name) => ({ name, persistentVolumeClaim: { claimName: "data" } }));
    const found = volumesOf(podWith({ securityContext: {}, containers: levels, volumes }));
    expect(found.uses).toHaveLength(1);
    expect(found.severalLabels).toMatchObject([{ podVolume: "w", labels: [":::s0:c1", ":::s0:c2"] }]);
  });
});
