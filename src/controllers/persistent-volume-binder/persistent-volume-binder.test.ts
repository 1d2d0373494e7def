import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import {
  EVENTS,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  STORAGE_CLASSES,
} from "../../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createClaimProtectionController } from "../volume-protection/claim-protection.ts";
import { createPersistentVolumeBinder } from "./persistent-volume-binder.ts";

describe("createPersistentVolumeBinder()", () => {
  let host: ControllerHost;
  beforeEach(async () => {
    host = await startControllers((deps) => [
      createPersistentVolumeBinder(deps),
      createClaimProtectionController(deps),
    ]);
  });
  afterEach(() => host.stop());

  type VolumeSpec = NonNullable<PersistentVolume["spec"]>;
  type ClaimSpec = NonNullable<PersistentVolumeClaim["spec"]>;

  const addVolume = (
    name: string,
    storage: string,
    spec: Partial<VolumeSpec> = {},
    metadata: PersistentVolume["metadata"] = {},
  ): Promise<PersistentVolume> =>
    host.client.create(
      PERSISTENT_VOLUMES,
      {
        metadata: { ...metadata, name },
        spec: { capacity: { storage }, accessModes: ["ReadWriteOnce"], hostPath: { path: `/data/${name}` }, ...spec },
      },
      host.signal,
    );
  const addClaim = (name: string, storage: string, spec: Partial<ClaimSpec> = {}): Promise<PersistentVolumeClaim> =>
    host.client.create(
      PERSISTENT_VOLUME_CLAIMS,
      {
        metadata: { namespace: "default", name },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } }, ...spec },
      },
      host.signal,
    );
  const addClass = (name: string, more: object = {}, annotations: Readonly<Record<string, string>> = {}) =>
    host.client.create(
      STORAGE_CLASSES,
      { metadata: { name, annotations }, provisioner: "example.com/disks", ...more },
      host.signal,
    );
  const volume = (name: string) => host.client.get(PERSISTENT_VOLUMES, { name }, host.signal);
  const claim = (name: string) =>
    host.client.get(PERSISTENT_VOLUME_CLAIMS, { namespace: "default", name }, host.signal);
  const dropClaim = (name: string) =>
    host.client.delete(PERSISTENT_VOLUME_CLAIMS, { namespace: "default", name }, host.signal);
  const told = async (object: string): Promise<readonly string[]> =>
    (await host.client.list(EVENTS, { namespace: "default" }, host.signal)).items
      .filter(({ involvedObject }) => involvedObject.name === object)
      .map(({ type = "", reason = "", message = "" }) => `${type} ${reason}: ${message}`);
  const phases = async (claims: readonly string[], volumes: readonly string[]) => [
    ...(await Promise.all(claims.map(async (name) => (await claim(name)).status?.phase))),
    ...(await Promise.all(volumes.map(async (name) => (await volume(name)).status?.phase))),
  ];

  it("binds a claim to the smallest volume that fits, on both sides", async () => {
    await addVolume("large", "10Gi");
    await addVolume("small", "2Gi");
    await addVolume("tiny", "1Gi");
    await addClaim("data", "1.5Gi");
    await host.until(async () => expect(await phases(["data"], ["small"])).toEqual(["Bound", "Bound"]));
    const [bound, taken] = [await claim("data"), await volume("small")];
    expect(bound).toMatchObject({
      metadata: {
        annotations: { "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes" },
      },
      spec: { volumeName: "small" },
      status: { phase: "Bound", accessModes: ["ReadWriteOnce"], capacity: { storage: "2Gi" } },
    });
    expect(taken.metadata?.annotations).toEqual({ "pv.kubernetes.io/bound-by-controller": "yes" });
    expect(taken.spec?.claimRef).toMatchObject({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      namespace: "default",
      name: "data",
      uid: bound.metadata?.uid,
    });
    await host.until(async () => expect(await phases([], ["large", "tiny"])).toEqual(["Available", "Available"]));
  });

  it("says what a claim waits for, and binds it as soon as that is there", async () => {
    await addClaim("data", "1Gi");
    const none = "Normal FailedBinding: no persistent volumes available for this claim and no storage class is set";
    await host.until(async () => expect(await told("data")).toEqual([none]));
    await addVolume("v", "1Gi");
    await host.until(async () => expect(await phases(["data"], ["v"])).toEqual(["Bound", "Bound"]));
  });

  it("gives one volume to one of many claims", async () => {
    await Promise.all(Array.from({ length: 8 }, (_, i) => addClaim(`c${i}`, "1Gi")));
    await Promise.all(Array.from({ length: 5 }, (_, i) => addVolume(`v${i}`, "1Gi")));
    await host.until(async () => {
      const { items } = await host.client.list(PERSISTENT_VOLUME_CLAIMS, {}, host.signal);
      const bound = items.filter(({ status }) => status?.phase === "Bound");
      expect(bound).toHaveLength(5);
      expect(new Set(bound.map(({ spec }) => spec?.volumeName)).size).toBe(5);
    });
  });

  it("keeps volumes whose claim is gone, and frees them when an administrator says so", async () => {
    await addVolume("kept", "1Gi");
    await addClaim("data", "1Gi");
    await host.until(async () => expect(await phases(["data"], ["kept"])).toEqual(["Bound", "Bound"]));
    await dropClaim("data");
    await host.until(async () => expect(await phases([], ["kept"])).toEqual(["Released"]));
    // A new claim of the same name is another claim.
    await addClaim("data", "1Gi");
    await host.clock.advance(20_000);
    expect(await phases(["data"], ["kept"])).toEqual(["Pending", "Released"]);
    const free = { spec: { claimRef: null } };
    await host.client.patch(PERSISTENT_VOLUMES, { name: "kept" }, { type: "merge", value: free }, host.signal);
    await host.until(async () => expect(await phases(["data"], ["kept"])).toEqual(["Bound", "Bound"]));
  });

  it("leaves volumes to be deleted to those who made them, and says what nobody will delete", async () => {
    const disk = { csi: { driver: "example.com", volumeHandle: "h" } };
    const spec = { persistentVolumeReclaimPolicy: "Delete" };
    const made = { metadata: { name: "made", annotations: { "pv.kubernetes.io/provisioned-by": "example.com" } } };
    await host.client.create(
      PERSISTENT_VOLUMES,
      { ...made, spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], ...disk, ...spec } },
      host.signal,
    );
    await addVolume("byhand", "5Gi", spec);
    await addVolume("scrubbed", "9Gi", { persistentVolumeReclaimPolicy: "Recycle" });
    for (const [name, size] of Object.entries({ a: "1Gi", b: "5Gi", c: "9Gi" })) await addClaim(name, size);
    const names = ["made", "byhand", "scrubbed"];
    await host.until(async () => expect(await phases([], names)).toEqual(["Bound", "Bound", "Bound"]));
    for (const name of ["a", "b", "c"]) await dropClaim(name);
    await host.until(async () => expect(await phases([], names)).toEqual(["Released", "Failed", "Failed"]));
    const why = "host_path deleter only supports /tmp/.+ but received provided /data/byhand";
    expect((await volume("byhand")).status?.message).toBe(why);
    await host.until(async () => {
      expect(await told("byhand")).toEqual([`Warning VolumeFailedDelete: ${why}`]);
      expect(await told("scrubbed")).toEqual(["Warning VolumeFailedRecycle: No recycler plugin found for the volume!"]);
    });
  });

  it("tells that a bound claim lost its volume", async () => {
    await addVolume("v", "1Gi");
    await addClaim("data", "1Gi");
    await host.until(async () => expect(await phases(["data"], ["v"])).toEqual(["Bound", "Bound"]));
    await host.client.delete(PERSISTENT_VOLUMES, { name: "v" }, host.signal);
    const value = { metadata: { finalizers: null } };
    await host.client.patch(PERSISTENT_VOLUMES, { name: "v" }, { type: "merge", value }, host.signal);
    await host.until(async () => hasReason(await volume("v").catch((reason: unknown) => reason), "NotFound"));
    await host.until(async () => expect(await phases(["data"], [])).toEqual(["Lost"]));
    expect((await claim("data")).status).toEqual({ phase: "Lost" });
    await host.until(async () =>
      expect(await told("data")).toEqual([
        "Warning ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!",
      ]),
    );
  });

  it("asks an external provisioner and binds what it makes", async () => {
    await addClass("fast", { reclaimPolicy: "Delete" }, { "storageclass.kubernetes.io/is-default-class": "true" });
    const { metadata } = await addClaim("data", "1Gi");
    await host.until(async () =>
      expect((await claim("data")).metadata?.annotations).toEqual({
        "volume.beta.kubernetes.io/storage-provisioner": "example.com/disks",
        "volume.kubernetes.io/storage-provisioner": "example.com/disks",
      }),
    );
    await host.until(async () =>
      expect(await told("data")).toEqual([
        "Normal ExternalProvisioning: Waiting for a volume to be created either by the external provisioner " +
          "'example.com/disks' or manually by the system administrator. If volume creation is delayed, please verify that " +
          "the provisioner is running and correctly registered.",
      ]),
    );
    const { namespace = "", name = "", uid = "" } = metadata ?? {};
    await addVolume(
      `pvc-${uid}`,
      "1Gi",
      {
        storageClassName: "fast",
        persistentVolumeReclaimPolicy: "Delete",
        claimRef: { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace, name, uid },
      },
      { annotations: { "pv.kubernetes.io/provisioned-by": "example.com/disks" } },
    );
    await host.until(async () => expect(await phases(["data"], [`pvc-${uid}`])).toEqual(["Bound", "Bound"]));
  });

  it("gives claims without a class the default one that appears later", async () => {
    await addClaim("data", "1Gi");
    await addClaim("none", "1Gi", { storageClassName: "" });
    await host.clock.advance(1_000);
    await addClass("late", {}, { "storageclass.kubernetes.io/is-default-class": "true" });
    await host.until(async () => expect((await claim("data")).spec?.storageClassName).toBe("late"));
    expect((await claim("none")).spec?.storageClassName).toBe("");
  });

  it("waits for a pod when the class says so", async () => {
    await addClass("local", { provisioner: "kubernetes.io/no-provisioner", volumeBindingMode: "WaitForFirstConsumer" });
    await addVolume("v", "1Gi", { storageClassName: "local" });
    await addClaim("data", "1Gi", { storageClassName: "local" });
    const waiting = "Normal WaitForFirstConsumer: waiting for first consumer to be created before binding";
    await host.until(async () => expect(await told("data")).toEqual([waiting]));
    const volumes = [{ name: "d", persistentVolumeClaim: { claimName: "data" } }];
    await host.client.create(
      PODS,
      { metadata: { namespace: "default", name: "p" }, spec: { containers: [{ name: "c", image: "i" }], volumes } },
      host.signal,
    );
    await host.until(async () =>
      expect(await told("data")).toContain("Normal WaitForPodScheduled: waiting for pod p to be scheduled"),
    );
    expect(await phases(["data"], ["v"])).toEqual(["Pending", "Available"]);
  });
});
