import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { LOOP_DRIVER } from "../api/loop-driver.ts";
import { createVolumeProvisioner } from "../controllers/volume-provisioner/volume-provisioner.ts";
import {
  CSI_DRIVERS,
  EVENTS,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  STORAGE_CLASSES,
} from "../machinery/resources.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import type { CsiController } from "../ports/csi-controller.ts";
import { startControllers } from "../testing/controller-host.ts";
import { startTestApiServer } from "../testing/api-server.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { withRbac } from "../testing/with-rbac.ts";
import { ensureStorageObjects } from "./default-storage.ts";
import {
  CLUSTER_ROLE,
  CLUSTER_ROLE_BINDING,
  CSI_DRIVER,
  SERVICE_ACCOUNT,
  STORAGE_CLASS,
} from "./default-storage-objects.ts";

function deployed(file: string): readonly unknown[] {
  const text = readFileSync(new URL(`../../deploy/csi-driver/${file}`, import.meta.url), "utf8");
  return parseAllDocuments(text).map((document): unknown => document.toJS());
}

describe("default storage", () => {
  it("is what deploy/csi-driver brings to other clusters", () => {
    expect(deployed("storage.yaml")).toEqual([CSI_DRIVER, STORAGE_CLASS]);
    expect(deployed("rbac.yaml")).toEqual([SERVICE_ACCOUNT, CLUSTER_ROLE, CLUSTER_ROLE_BINDING]);
  });

  it("is accepted by the API server, and what an administrator changed stays", async () => {
    const server = await startTestApiServer({ clock: createFakeClock() });
    const { signal } = new AbortController();
    try {
      const client = createClusterClient({ transport: server.connect(), userAgent: "test" });
      await ensureStorageObjects(client, signal);
      const driver = await client.get(CSI_DRIVERS, { name: CSI_DRIVER.metadata?.name ?? "" }, signal);
      expect(driver.spec).toMatchObject({ ...CSI_DRIVER.spec });
      await client.update(CSI_DRIVERS, { ...driver, spec: { ...driver.spec, seLinuxMount: false } }, signal);
      await ensureStorageObjects(client, signal);
      expect((await client.get(CSI_DRIVERS, { name: driver.metadata?.name ?? "" }, signal)).spec.seLinuxMount).toBe(
        false,
      );
      const storageClass = await client.get(STORAGE_CLASSES, { name: "orlop-loop" }, signal);
      expect(storageClass).toMatchObject({ ...STORAGE_CLASS, metadata: STORAGE_CLASS.metadata });
    } finally {
      await server.stop();
    }
  });

  it("works with exactly the rights of its ServiceAccount", async () => {
    const refused: string[] = [];
    const name = "system:serviceaccount:kube-system:orlop-csi-driver";
    const rbac = withRbac(name, refused, ["system:serviceaccounts"]);
    const volume = { volumeId: "v", volumeContext: {}, topologies: [{ node: "n1" }] };
    const controller: CsiController = {
      create: async ({ requiredBytes }) => ({ ...volume, capacityBytes: requiredBytes }),
      delete: async () => undefined,
      expand: async ({ requiredBytes }) => ({ capacityBytes: requiredBytes, nodeExpansionRequired: true }),
    };
    const options = { driver: LOOP_DRIVER, controller, nodeName: "n1", topology: { node: "n1" } };
    const host = await startControllers((deps) => [createVolumeProvisioner(deps, options)], {
      ...rbac,
      prepare: async (server) => {
        await rbac.prepare?.(server);
        const admin = createClusterClient({ transport: server.connect(), userAgent: "test" });
        await ensureStorageObjects(admin, new AbortController().signal);
      },
    });
    const { client, signal } = host;
    try {
      const key = { namespace: "default", name: "data" };
      const annotations = {
        "volume.kubernetes.io/storage-provisioner": LOOP_DRIVER,
        "volume.kubernetes.io/selected-node": "n1",
      };
      const storageClassName = "orlop-loop";
      const resources = { requests: { storage: "1Gi" } };
      const { metadata } = await client.create(
        PERSISTENT_VOLUME_CLAIMS,
        { metadata: { ...key, annotations }, spec: { storageClassName, accessModes: ["ReadWriteOnce"], resources } },
        signal,
      );
      const volumeKey = { name: `pvc-${metadata?.uid}` };
      await host.until(() => client.get(PERSISTENT_VOLUMES, volumeKey, signal));
      // What the binder does.
      const bound = { type: "merge" as const, value: { spec: { volumeName: volumeKey.name } } };
      await client.patch(PERSISTENT_VOLUME_CLAIMS, key, bound, signal);
      const phase = { type: "merge" as const, value: { status: { phase: "Bound", capacity: { storage: "1Gi" } } } };
      await client.patch(PERSISTENT_VOLUME_CLAIMS, key, phase, signal, { subresource: "status" });
      const more = { spec: { resources: { requests: { storage: "2Gi" } } } };
      await client.patch(PERSISTENT_VOLUME_CLAIMS, key, { type: "merge", value: more }, signal);
      await host.until(async () =>
        expect((await client.get(PERSISTENT_VOLUMES, volumeKey, signal)).spec?.capacity).toEqual({ storage: "2Gi" }),
      );
      const released = { type: "merge" as const, value: { status: { phase: "Released" } } };
      await client.patch(PERSISTENT_VOLUMES, volumeKey, released, signal, { subresource: "status" });
      await host.until(async () =>
        expect((await client.get(PERSISTENT_VOLUMES, volumeKey, signal)).metadata?.finalizers).toEqual([
          "kubernetes.io/pv-protection",
        ]),
      );
      await host.until(async () => expect((await client.list(EVENTS, {}, signal)).items.length).toBeGreaterThan(3));
      expect(refused).toEqual([]);
    } finally {
      await host.stop();
    }
  });
});
