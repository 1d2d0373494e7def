import { describe, expect, it } from "vitest";
import type { PersistentVolume } from "../../api/types.ts";
import { EVENTS, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES } from "../../machinery/resources.ts";
import { startControllers } from "../../testing/controller-host.ts";
import { createPersistentVolumeBinder } from "../persistent-volume-binder/persistent-volume-binder.ts";
import { createVolumeExpandController } from "./volume-expand.ts";

const CLAIM = { namespace: "default", name: "c" };

async function grow(source: Partial<NonNullable<PersistentVolume["spec"]>>, allowVolumeExpansion = true) {
  const host = await startControllers((deps) => [
    createVolumeExpandController(deps),
    createPersistentVolumeBinder(deps),
  ]);
  const { client, signal } = host;
  try {
    const storageClass = { metadata: { name: "fast" }, provisioner: "example.com", allowVolumeExpansion };
    await client.create(STORAGE_CLASSES, storageClass, signal);
    const common = { storageClassName: "fast", accessModes: ["ReadWriteOnce"] };
    const volume = { metadata: { name: "v" }, spec: { ...common, capacity: { storage: "1Gi" }, ...source } };
    await client.create(PERSISTENT_VOLUMES, volume, signal);
    const resources = { requests: { storage: "1Gi" } };
    await client.create(PERSISTENT_VOLUME_CLAIMS, { metadata: CLAIM, spec: { ...common, resources } }, signal);
    const more = { spec: { resources: { requests: { storage: "2Gi" } } } };
    const ask = () => client.patch(PERSISTENT_VOLUME_CLAIMS, CLAIM, { type: "merge", value: more }, signal);
    const early = await ask().catch((reason: unknown) => String(reason));
    await host.until(async () => {
      expect((await client.get(PERSISTENT_VOLUME_CLAIMS, CLAIM, signal)).status?.phase).toBe("Bound");
    });
    const refusal = await ask().then(
      () => "",
      (reason: unknown) => String(reason),
    );
    const events = async () =>
      (await client.list(EVENTS, { namespace: "default" }, signal)).items
        .filter(({ source: from }) => from?.component === "volume_expand")
        .map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
    if (refusal === "") await host.until(async () => expect(await events()).toHaveLength(1));
    const { metadata } = await client.get(PERSISTENT_VOLUME_CLAIMS, CLAIM, signal);
    return { early, refusal, events: await events(), annotations: metadata?.annotations ?? {} };
  } finally {
    await host.stop();
  }
}

describe("claims that ask for more", () => {
  it("wait for the resizer of their driver", async () => {
    const { early, events } = await grow({ csi: { driver: "example.com", volumeHandle: "h" } });
    expect(early).toContain("spec is immutable after creation except resources.requests");
    expect(events).toEqual(["Normal ExternalExpanding: waiting for an external controller to expand this PVC"]);
  });

  it("are given to the CSI driver of a migrated plugin", async () => {
    const { events, annotations } = await grow({ gcePersistentDisk: { pdName: "d" } });
    expect(events).toEqual([
      "Normal ExternalExpanding: CSI migration enabled for kubernetes.io/gce-pd; waiting for external resizer to expand the pvc",
    ]);
    expect(annotations["volume.kubernetes.io/storage-resizer"]).toBe("pd.csi.storage.gke.io");
  });

  it("are refused when their class does not allow it", async () => {
    const { refusal } = await grow({ csi: { driver: "example.com", volumeHandle: "h" } }, false);
    expect(refusal).toContain(
      "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
    );
  });
});
