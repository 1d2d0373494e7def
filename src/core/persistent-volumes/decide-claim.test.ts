import { describe, expect, it } from "vitest";
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../api/types.ts";
import { type ClaimDecision, decideClaim } from "./decide-claim.ts";
import { decideVolume } from "./decide-volume.ts";

type VolumeSpec = NonNullable<PersistentVolume["spec"]>;
type ClaimSpec = NonNullable<PersistentVolumeClaim["spec"]>;
const BOUND = { "pv.kubernetes.io/bind-completed": "yes" };

const volume = (
  name: string,
  storage: string,
  spec: Partial<VolumeSpec> = {},
  more: object = {},
): PersistentVolume => ({
  metadata: { name, labels: { tier: name }, ...more },
  spec: {
    capacity: { storage },
    accessModes: ["ReadWriteOnce"],
    volumeMode: "Filesystem",
    persistentVolumeReclaimPolicy: "Retain",
    ...spec,
  },
  status: { phase: "Available" },
});
const claim = (spec: Partial<ClaimSpec> = {}, annotations: Readonly<Record<string, string>> = {}) => ({
  metadata: { namespace: "x", name: "c", uid: "u", annotations },
  spec: {
    accessModes: ["ReadWriteOnce"],
    volumeMode: "Filesystem",
    resources: { requests: { storage: "1Gi" } },
    ...spec,
  },
  status: { phase: "Pending" },
});
const reference = (uid?: string, name = "c") => ({ namespace: "x", name, ...(uid !== undefined && { uid }) });
const local: StorageClass = {
  metadata: { name: "local" },
  provisioner: "kubernetes.io/no-provisioner",
  volumeBindingMode: "WaitForFirstConsumer",
};
const decide = (
  one: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  classes: readonly StorageClass[] = [],
): ClaimDecision =>
  decideClaim(one, {
    volume: (name) => volumes.find(({ metadata }) => metadata?.name === name),
    candidates: () => volumes,
    storageClass: (name) => classes.find(({ metadata }) => metadata?.name === name),
    defaultClass: () => undefined,
    podsWithoutNode: () => [],
  });
const chosen = (one: PersistentVolumeClaim, ...volumes: readonly PersistentVolume[]): string => {
  const decision = decide(one, volumes, [local]);
  return decision.do === "bind" ? (decision.volume.metadata?.name ?? "") : decision.do;
};

describe("a claim that asks for no volume by name", () => {
  it.each<[string, string, PersistentVolumeClaim, readonly PersistentVolume[]]>([
    ["the smallest", "b", claim(), [volume("a", "10Gi"), volume("b", "2Gi"), volume("z", "1023Mi")]],
    ["the one reserved by name", "b", claim(), [volume("a", "1Gi"), volume("b", "9Gi", { claimRef: reference() })]],
    ["the one reserved by UID", "b", claim(), [volume("a", "1Gi"), volume("b", "9Gi", { claimRef: reference("u") })]],
    ["none that is an earlier claim's", "wait", claim(), [volume("a", "1Gi", { claimRef: reference("old") })]],
    ["none that another reserved", "wait", claim(), [volume("a", "1Gi", { claimRef: reference(undefined, "d") })]],
    [
      "what the selector matches",
      "b",
      claim({ selector: { matchLabels: { tier: "b" } } }),
      [volume("a", "1Gi"), volume("b", "5Gi")],
    ],
    [
      "its class",
      "b",
      claim({ storageClassName: "gold" }),
      [volume("a", "1Gi"), volume("b", "5Gi", { storageClassName: "gold" })],
    ],
    [
      "no class when it names none",
      "b",
      claim(),
      [volume("a", "1Gi", { storageClassName: "gold" }), volume("b", "5Gi")],
    ],
    [
      "no class when it wants none",
      "b",
      claim({ storageClassName: "" }),
      [volume("a", "1Gi", { storageClassName: "gold" }), volume("b", "5Gi")],
    ],
    [
      "its mode",
      "b",
      claim({ volumeMode: "Block" }),
      [volume("a", "1Gi"), volume("b", "5Gi", { volumeMode: "Block" })],
    ],
    [
      "the fewest access modes it did not ask for",
      "b",
      claim(),
      [volume("a", "1Gi", { accessModes: ["ReadWriteOnce", "ReadOnlyMany"] }), volume("b", "5Gi")],
    ],
    ["all access modes it asked for", "wait", claim({ accessModes: ["ReadWriteMany"] }), [volume("a", "1Gi")]],
    ["nothing that is not available", "wait", claim(), [{ ...volume("a", "1Gi"), status: { phase: "Pending" } }]],
    [
      "nothing that is being deleted",
      "wait",
      claim(),
      [volume("a", "1Gi", {}, { deletionTimestamp: "2026-01-01T00:00:00Z" })],
    ],
    [
      "its attributes class",
      "b",
      claim({ volumeAttributesClassName: "quick" }),
      [volume("a", "1Gi"), volume("b", "5Gi", { volumeAttributesClassName: "quick" })],
    ],
    [
      "nothing while its class waits for a pod",
      "wait",
      claim({ storageClassName: "local" }),
      [volume("a", "1Gi", { storageClassName: "local" })],
    ],
    [
      "the reserved one even then",
      "a",
      claim({ storageClassName: "local" }),
      [volume("a", "1Gi", { storageClassName: "local", claimRef: reference() })],
    ],
  ])("gets %s", (_, expected, one, volumes) => {
    expect(chosen(one, ...volumes)).toBe(expected);
  });

  it("is provisioned by the class, or told why not", () => {
    const gold: StorageClass = { metadata: { name: "gold" }, provisioner: "example.com/p" };
    const ebs: StorageClass = { metadata: { name: "ebs" }, provisioner: "kubernetes.io/aws-ebs" };
    const classes = [gold, ebs, local];
    const of = (storageClassName: string, annotations = {}) =>
      decide(claim({ storageClassName }, annotations), [], classes);
    expect(of("gold")).toMatchObject({ do: "provision", provisioner: "example.com/p" });
    expect(of("ebs")).toMatchObject({ do: "provision", provisioner: "ebs.csi.aws.com" });
    expect(of("none")).toMatchObject({
      event: { reason: "ProvisioningFailed", message: 'storageclass.storage.k8s.io "none" not found' },
    });
    expect(of("local", { "volume.kubernetes.io/selected-node": "n" })).toMatchObject({
      event: { reason: "ProvisioningFailed", message: "no volume plugin matched name: kubernetes.io/no-provisioner" },
    });
  });
});

describe("a claim that asks for a volume by name", () => {
  const asking = claim({ volumeName: "a" });
  it.each<[string, string, readonly PersistentVolume[]]>([
    ["is bound to it", "a", [volume("a", "1Gi"), volume("b", "1Gi")]],
    ["waits until it is there", "wait", [volume("b", "1Gi")]],
    ["is bound when it is reserved by name", "a", [volume("a", "1Gi", { claimRef: reference() })]],
    ["is bound when it is reserved by UID", "a", [volume("a", "1Gi", { claimRef: reference("u") })]],
  ])("%s", (_, expected, volumes) => {
    expect(chosen(asking, ...volumes)).toBe(expected);
  });

  it("needs no selector to match", () => {
    const picky = claim({ volumeName: "a", selector: { matchLabels: { tier: "other" } } });
    expect(chosen(picky, volume("a", "1Gi"))).toBe("a");
  });

  it.each<[string, VolumeSpec]>([
    ["requested PV is too small", { capacity: { storage: "1Mi" } }],
    ["storageClassName does not match", { storageClassName: "gold" }],
    ["volumeAttributesClassName does not match", { volumeAttributesClassName: "quick" }],
    ["incompatible volumeMode", { volumeMode: "Block" }],
    ["incompatible accessMode", { accessModes: ["ReadOnlyMany"] }],
  ])("is told: %s", (why, spec) => {
    expect(decide(asking, [volume("a", "1Gi", spec)])).toEqual({
      do: "wait",
      event: { type: "Warning", reason: "VolumeMismatch", message: `Cannot bind to requested volume "a": ${why}` },
    });
  });

  it("is told that another has it", () => {
    expect(decide(asking, [volume("a", "1Gi", { claimRef: reference("v", "d") })])).toEqual({
      do: "wait",
      event: { type: "Warning", reason: "FailedBinding", message: 'volume "a" already bound to a different claim.' },
    });
  });
});

describe("a claim that was bound", () => {
  it("stays so, whatever its selector says, and mends a volume that lost its reference", () => {
    const one = claim({ volumeName: "a", selector: { matchLabels: { tier: "other" } } }, BOUND);
    expect(chosen(one, volume("a", "1Gi", { claimRef: reference("u") }))).toBe("a");
    expect(chosen(one, volume("a", "1Gi"))).toBe("a");
  });

  it.each<[string, string, PersistentVolumeClaim, readonly PersistentVolume[]]>([
    ["it names no volume any more", "ClaimLost", claim({}, BOUND), []],
    ["the volume is gone", "ClaimLost", claim({ volumeName: "a" }, BOUND), []],
    [
      "another has the volume",
      "ClaimMisbound",
      claim({ volumeName: "a" }, BOUND),
      [volume("a", "1Gi", { claimRef: reference("v", "d") })],
    ],
    [
      "the volume was given out by name anew",
      "ClaimMisbound",
      claim({ volumeName: "a" }, BOUND),
      [volume("a", "1Gi", { claimRef: reference() })],
    ],
  ])("is lost when %s", (_, reason, one, volumes) => {
    expect(decide(one, volumes)).toMatchObject({ do: "lose", event: { type: "Warning", reason } });
  });
});

describe("decideVolume()", () => {
  const mine = { claimRef: reference("u") };
  const provisioned = { annotations: { "pv.kubernetes.io/provisioned-by": "example.com/p" } };
  it.each<[string, object, PersistentVolume, PersistentVolumeClaim | undefined]>([
    ["without a claim", { do: "set-phase", phase: "Available" }, volume("a", "1Gi"), undefined],
    [
      "reserved by name",
      { do: "set-phase", phase: "Available" },
      volume("a", "1Gi", { claimRef: reference() }),
      claim(),
    ],
    ["of a claim that is not bound yet", { do: "await-claim" }, volume("a", "1Gi", mine), claim()],
    ["of a claim of another mode", { do: "complain" }, volume("a", "1Gi", mine), claim({ volumeMode: "Block" })],
    ["of its claim", { do: "set-phase", phase: "Bound" }, volume("a", "1Gi", mine), claim({ volumeName: "a" })],
    ["of a claim that got another", { do: "unbind" }, volume("a", "1Gi", mine), claim({ volumeName: "b" })],
    ["of nobody any more", { do: "release", reclaim: { do: "retain" } }, volume("a", "1Gi", mine), undefined],
    [
      "made for a claim that got another",
      { do: "release", reclaim: { do: "leave-to-deleter" } },
      volume("a", "1Gi", { ...mine, persistentVolumeReclaimPolicy: "Delete" }, provisioned),
      claim({ volumeName: "b" }),
    ],
    [
      "to be deleted by nobody",
      { do: "release", reclaim: { do: "fail", event: { reason: "VolumeFailedDelete" } } },
      volume("a", "1Gi", { ...mine, persistentVolumeReclaimPolicy: "Delete", local: { path: "/x" } }),
      undefined,
    ],
    [
      "of a CSI driver",
      { do: "release", reclaim: { do: "leave-to-deleter" } },
      volume("a", "1Gi", { ...mine, persistentVolumeReclaimPolicy: "Delete", csi: { driver: "d", volumeHandle: "h" } }),
      undefined,
    ],
  ])("of a volume %s", (_, expected, one, its) => {
    expect(decideVolume(one, its)).toMatchObject(expected);
  });
});
