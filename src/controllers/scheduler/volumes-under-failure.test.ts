import { expect, it } from "vitest";
import {
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
} from "../../machinery/resources.ts";
import { startControllers } from "../../testing/controller-host.ts";
import { seededRandom } from "../../testing/quiet.ts";
import { createUnreliableClient } from "../../testing/unreliable-client.ts";
import { createAttachDetachController } from "../attach-detach/attach-detach.ts";
import { createPersistentVolumeBinder } from "../persistent-volume-binder/persistent-volume-binder.ts";
import { createSchedulerController } from "./scheduler.ts";

it.each([1, 2, 3])("pods get their own volumes though a third of all writes fails, seed %i", async (seed) => {
  const host = await startControllers((deps) => {
    const client = createUnreliableClient(deps.client, seededRandom(seed), 0.33);
    // Two binders: the one that leads may change while it works.
    return [
      createSchedulerController({ ...deps, client }),
      createPersistentVolumeBinder({ ...deps, client }),
      createPersistentVolumeBinder({ ...deps, client }),
      createAttachDetachController({ ...deps, client }),
    ];
  });
  const { client, signal } = host;
  try {
    const annotations = { "volumes.kubernetes.io/controller-managed-attach-detach": "true" };
    const node = await client.create(NODES, { metadata: { name: "n", annotations } }, signal);
    const untainted = await client.update(NODES, { ...node, spec: { taints: [] } }, signal);
    const amounts = { cpu: "8", memory: "8Gi", pods: "110" };
    await client.updateStatus(NODES, { ...untainted, status: { allocatable: amounts, capacity: amounts } }, signal);
    const late = { provisioner: "kubernetes.io/no-provisioner", volumeBindingMode: "WaitForFirstConsumer" };
    await client.create(STORAGE_CLASSES, { metadata: { name: "late" }, ...late }, signal);
    const names = ["0", "1", "2", "3", "4", "5"];
    for (const name of names) {
      const storageClassName = Number(name) % 2 === 0 ? "late" : "";
      const common = { accessModes: ["ReadWriteOnce"], storageClassName };
      const csi = { driver: "d.example.com", volumeHandle: name };
      const storage = { storage: "1Gi" };
      await client.create(
        PERSISTENT_VOLUMES,
        { metadata: { name: `v${name}` }, spec: { ...common, csi, capacity: storage } },
        signal,
      );
      await client.create(
        PERSISTENT_VOLUME_CLAIMS,
        { metadata: { namespace: "default", name }, spec: { ...common, resources: { requests: storage } } },
        signal,
      );
      const volumes = [{ name: "v", persistentVolumeClaim: { claimName: name } }];
      await client.create(
        PODS,
        {
          metadata: { namespace: "default", name: `p${name}` },
          spec: { containers: [{ name: "c", image: "i" }], volumes },
        },
        signal,
      );
    }
    await host.until(async () => {
      const { items: pods } = await client.list(PODS, {}, signal);
      expect(pods.map(({ spec }) => spec?.nodeName)).toEqual(names.map(() => "n"));
      const { items: made } = await client.list(VOLUME_ATTACHMENTS, {}, signal);
      expect(made).toHaveLength(names.length);
    });
    const { items: claims } = await client.list(PERSISTENT_VOLUME_CLAIMS, {}, signal);
    const { items: volumes } = await client.list(PERSISTENT_VOLUMES, {}, signal);
    const holders = new Map(volumes.map(({ metadata, spec }) => [metadata?.name, spec?.claimRef?.uid]));
    for (const { metadata, spec } of claims) expect(holders.get(spec?.volumeName)).toBe(metadata?.uid);
    expect(new Set(claims.map(({ spec }) => spec?.volumeName)).size).toBe(names.length);
  } finally {
    await host.stop();
  }
});
