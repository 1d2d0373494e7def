import { describe, expect, it } from "vitest";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "../../api/types.ts";
import { viewNode } from "./node-view.ts";
import { placeVolumes } from "./place-volumes.ts";
import { NO_STORAGE } from "./storage-view.ts";
import { volumeRestrictions } from "./volume-restrictions.ts";
import { isInZoneOf } from "./volume-zone.ts";

const pod = (name: string, ...volumes: readonly Volume[]): Pod => ({
  metadata: { namespace: "x", name },
  spec: { containers: [{ name: "c", image: "i" }], volumes },
});
const node = (name: string, labels: Readonly<Record<string, string>> = {}): Node => ({ metadata: { name, labels } });

describe("volumeRestrictions()", () => {
  const gce = (readOnly: boolean, pdName = "d"): Volume => ({ name: "v", gcePersistentDisk: { pdName, readOnly } });
  const ebs = (readOnly: boolean): Volume => ({ name: "v", awsElasticBlockStore: { volumeID: "d", readOnly } });
  const iscsi = (readOnly: boolean): Volume => ({
    name: "v",
    iscsi: { iqn: "q", lun: 0, targetPortal: "t", readOnly },
  });
  const rbd = (readOnly: boolean, monitor = "m"): Volume => ({
    name: "v",
    rbd: { monitors: [monitor, "z"], image: "i", readOnly },
  });
  it.each<[string, Volume, Volume, boolean]>([
    ["one disk, written by both", gce(false), gce(false), false],
    ["one disk, written by one", gce(true), gce(false), false],
    ["one disk, read by both", gce(true), gce(true), true],
    ["two disks", gce(false), gce(false, "e"), true],
    ["one EBS volume, even read-only", ebs(true), ebs(true), false],
    ["one iSCSI target, written by both", iscsi(false), iscsi(false), false],
    ["one iSCSI target, read by both", iscsi(true), iscsi(true), true],
    ["one RBD image over one of the monitors", rbd(false, "a"), rbd(false, "b"), false],
    ["one RBD image, read by both", rbd(true), rbd(true), true],
    ["kinds that have nothing in common", gce(false), ebs(false), true],
  ])("%s", (_, wanted, used, fits) => {
    const view = viewNode(node("a"), [pod("other", used)]);
    expect(volumeRestrictions(pod("p", wanted), NO_STORAGE, [view])(view).fits).toBe(fits);
  });

  it("counts users of a ReadWriteOncePod claim on every node", () => {
    const claim: Volume = { name: "v", persistentVolumeClaim: { claimName: "c" } };
    const storage = { ...NO_STORAGE, claim: () => ({ spec: { accessModes: ["ReadWriteOncePod"] } }) };
    const [used, free] = [viewNode(node("a"), [pod("other", claim)]), viewNode(node("b"), [])];
    const check = volumeRestrictions(pod("p", claim), storage, [used, free]);
    expect([check(used), check(free)].map(({ fits }) => fits)).toEqual([false, false]);
    // Making room helps where the user is, and nowhere else.
    expect(check(viewNode(node("a"), [])).fits).toBe(true);
    const other = { ...pod("elsewhere", claim), metadata: { namespace: "y", name: "elsewhere" } };
    const apart = viewNode(node("a"), [other]);
    expect(volumeRestrictions(pod("p", claim), storage, [apart])(apart).fits).toBe(true);
  });
});

describe("isInZoneOf()", () => {
  const volume = (label: string, value: string): PersistentVolume => ({ metadata: { labels: { [label]: value } } });
  const [zone, beta] = ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"];
  it.each<[string, PersistentVolume, Node, boolean]>([
    ["the same zone", volume(zone, "1"), node("a", { [zone]: "1" }), true],
    ["one of several zones", volume(zone, "1__2"), node("a", { [zone]: "2" }), true],
    ["another zone", volume(zone, "1"), node("a", { [zone]: "2" }), false],
    ["an old label on the volume and a new one on the node", volume(beta, "1"), node("a", { [zone]: "1" }), true],
    [
      "a node that only names its region",
      volume(zone, "1"),
      node("a", { "topology.kubernetes.io/region": "r" }),
      false,
    ],
    ["a node without zones", volume(zone, "1"), node("a"), true],
    ["a volume without zones", {}, node("a", { [zone]: "1" }), true],
  ])("%s", (_, its, where, expected) => {
    expect(isInZoneOf(its, where)).toBe(expected);
  });
});

describe("placeVolumes()", () => {
  const claim = (storage: string, annotations = {}): PersistentVolumeClaim => ({
    metadata: { namespace: "x", name: storage, uid: storage, annotations },
    spec: { storageClassName: "late", accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
  });
  const volume = (name: string, storage: string): PersistentVolume => ({
    metadata: { name },
    spec: { storageClassName: "late", accessModes: ["ReadWriteOnce"], capacity: { storage } },
    status: { phase: "Available" },
  });
  const storage = {
    ...NO_STORAGE,
    candidates: () => [volume("v1", "1Gi"), volume("v5", "5Gi")],
    storageClass: () => ({ provisioner: "example.com/p", volumeBindingMode: "WaitForFirstConsumer" }),
  };

  it("serves small claims first, and has made what there is no volume for", () => {
    const waiting = [claim("4Gi"), claim("1Gi"), claim("9Gi")];
    const placement = placeVolumes({ bound: [], waiting }, node("a"), storage);
    const plan = placement.fits ? placement.plan : undefined;
    expect(plan?.bindings.map((binding) => [binding.claim.metadata?.name, binding.volume.metadata?.name])).toEqual([
      ["1Gi", "v1"],
      ["4Gi", "v5"],
    ]);
    expect(plan?.provisions.map(({ metadata }) => metadata?.name)).toEqual(["9Gi"]);
  });

  it("keeps a claim to the node its provisioner was told", () => {
    const waiting = [claim("1Gi", { "volume.kubernetes.io/selected-node": "a" })];
    expect(placeVolumes({ bound: [], waiting }, node("b"), storage).fits).toBe(false);
    expect(placeVolumes({ bound: [], waiting }, node("a"), storage)).toMatchObject({ plan: { bindings: [] } });
  });
});
