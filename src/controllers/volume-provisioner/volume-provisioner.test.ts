import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LOOP_DRIVER, LOOP_TOPOLOGY_KEY } from "../../api/loop-driver.ts";
import type { PersistentVolumeClaim, StorageClass } from "../../api/types.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { EVENTS, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES } from "../../machinery/resources.ts";
import { CsiFailure } from "../../ports/csi.ts";
import type { CsiController, CsiCreateRequest } from "../../ports/csi-controller.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createPersistentVolumeBinder } from "../persistent-volume-binder/persistent-volume-binder.ts";
import { createClaimProtectionController } from "../volume-protection/claim-protection.ts";
import { createVolumeProtectionController } from "../volume-protection/volume-protection.ts";
import { createVolumeProvisioner } from "./volume-provisioner.ts";

const KEY = { namespace: "default", name: "data" };
const TOPOLOGY = { [LOOP_TOPOLOGY_KEY]: "n1" };

/** A driver in memory. */
class MemoryDriver implements CsiController {
  readonly volumes = new Map<string, bigint>();
  readonly requests: CsiCreateRequest[] = [];
  failure: CsiFailure | undefined;
  async create(request: CsiCreateRequest) {
    this.requests.push(request);
    if (this.failure !== undefined) throw this.failure;
    this.volumes.set(request.name, request.requiredBytes);
    return { volumeId: request.name, capacityBytes: request.requiredBytes, volumeContext: {}, topologies: [TOPOLOGY] };
  }
  async delete(volumeId: string) {
    if (this.failure !== undefined) throw this.failure;
    this.volumes.delete(volumeId);
  }
  async expand({ volumeId, requiredBytes }: { readonly volumeId: string; readonly requiredBytes: bigint }) {
    this.volumes.set(volumeId, requiredBytes);
    return { capacityBytes: requiredBytes, nodeExpansionRequired: true };
  }
}

describe("volume provisioner", () => {
  let host: ControllerHost;
  let driver: MemoryDriver;
  beforeEach(async () => {
    driver = new MemoryDriver();
    host = await startControllers((deps) => [
      createPersistentVolumeBinder(deps),
      createClaimProtectionController(deps),
      createVolumeProtectionController(deps),
      createVolumeProvisioner(deps, { driver: LOOP_DRIVER, controller: driver, nodeName: "n1", topology: TOPOLOGY }),
    ]);
  });
  afterEach(() => host.stop());

  const addClass = (more: Partial<StorageClass> = {}): Promise<unknown> =>
    host.client.create(
      STORAGE_CLASSES,
      { metadata: { name: "loop" }, provisioner: LOOP_DRIVER, allowVolumeExpansion: true, ...more },
      host.signal,
    );
  const addClaim = (spec: PersistentVolumeClaim["spec"] = {}): Promise<PersistentVolumeClaim> =>
    host.client.create(
      PERSISTENT_VOLUME_CLAIMS,
      {
        metadata: KEY,
        spec: {
          storageClassName: "loop",
          accessModes: ["ReadWriteOncePod"],
          resources: { requests: { storage: "1Gi" } },
          ...spec,
        },
      },
      host.signal,
    );
  const claim = (): Promise<PersistentVolumeClaim> => host.client.get(PERSISTENT_VOLUME_CLAIMS, KEY, host.signal);
  const untilBound = (): Promise<void> => host.until(async () => expect((await claim()).status?.phase).toBe("Bound"));
  const reasons = async (): Promise<readonly (string | undefined)[]> =>
    (await host.client.list(EVENTS, {}, host.signal)).items
      .filter(({ source }) => source?.component === LOOP_DRIVER)
      .map(({ reason }) => reason);

  it("makes a volume that is bound to its claim, tied to its node, and deletes it with the claim", async () => {
    await addClass({
      parameters: { "csi.storage.k8s.io/fstype": "xfs", fsType: "xfs" },
      mountOptions: ["noatime"],
    });
    const { metadata } = await addClaim({ resources: { requests: { storage: "1Gi" }, limits: { storage: "2Gi" } } });
    await untilBound();
    const name = `pvc-${metadata?.uid}`;
    expect(driver.requests[0]).toEqual({
      name,
      requiredBytes: 2n ** 30n,
      limitBytes: 2n ** 31n,
      accessModes: ["SINGLE_NODE_SINGLE_WRITER"],
      fsType: "xfs",
      mountFlags: ["noatime"],
      parameters: { fsType: "xfs" },
      topology: TOPOLOGY,
    });
    const volume = await host.client.get(PERSISTENT_VOLUMES, { name }, host.signal);
    expect(volume.spec).toMatchObject({
      capacity: { storage: "1Gi" },
      csi: { driver: LOOP_DRIVER, volumeHandle: name, fsType: "xfs" },
      mountOptions: ["noatime"],
      persistentVolumeReclaimPolicy: "Delete",
      storageClassName: "loop",
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: LOOP_TOPOLOGY_KEY, operator: "In", values: ["n1"] }] }],
        },
      },
    });
    await host.client.delete(PERSISTENT_VOLUME_CLAIMS, KEY, host.signal);
    await host.until(async () => {
      const answer = await host.client
        .get(PERSISTENT_VOLUMES, { name }, host.signal)
        .catch((reason: unknown) => reason);
      return hasReason(answer, "NotFound");
    });
    expect([...driver.volumes]).toEqual([]);
    expect(new Set(await reasons())).toEqual(new Set(["Provisioning", "ProvisioningSucceeded"]));
  });

  it("waits for a node, and leaves claims of other nodes and other provisioners alone", async () => {
    await addClass({ volumeBindingMode: "WaitForFirstConsumer" });
    await addClaim();
    const select = (node: string) =>
      host.client.patch(
        PERSISTENT_VOLUME_CLAIMS,
        KEY,
        { type: "merge", value: { metadata: { annotations: { "volume.kubernetes.io/selected-node": node } } } },
        host.signal,
      );
    await host.clock.advance(5_000);
    await select("n2");
    await host.clock.advance(5_000);
    expect(driver.requests).toEqual([]);
    await select("n1");
    await untilBound();
    expect(driver.requests).toHaveLength(1);
  });

  it("says why it failed, goes on trying, and gives the claim back to the scheduler when there is no room", async () => {
    await addClass({ volumeBindingMode: "WaitForFirstConsumer" });
    driver.failure = new CsiFailure("ResourceExhausted", "the disk is full", "unknown", "ResourceExhausted");
    await addClaim();
    const value = { metadata: { annotations: { "volume.kubernetes.io/selected-node": "n1" } } };
    await host.client.patch(PERSISTENT_VOLUME_CLAIMS, KEY, { type: "merge", value }, host.signal);
    await host.until(async () => expect(await reasons()).toContain("ProvisioningFailed"));
    await host.until(async () =>
      expect((await claim()).metadata?.annotations).not.toHaveProperty(["volume.kubernetes.io/selected-node"]),
    );
    driver.failure = undefined;
    await host.client.patch(PERSISTENT_VOLUME_CLAIMS, KEY, { type: "merge", value }, host.signal);
    await untilBound();
  });

  it("keeps volumes with the policy Retain, and those it could not delete", async () => {
    await addClass({ reclaimPolicy: "Retain" });
    const { metadata } = await addClaim();
    await untilBound();
    await host.client.delete(PERSISTENT_VOLUME_CLAIMS, KEY, host.signal);
    const name = `pvc-${metadata?.uid}`;
    const phase = async () => (await host.client.get(PERSISTENT_VOLUMES, { name }, host.signal)).status?.phase;
    await host.until(async () => expect(await phase()).toBe("Released"));
    await host.clock.advance(30_000);
    expect(driver.volumes.has(name)).toBe(true);
    driver.failure = new CsiFailure("Conflict", "in use", "failed", "FailedPrecondition");
    const value = { spec: { persistentVolumeReclaimPolicy: "Delete" } };
    await host.client.patch(PERSISTENT_VOLUMES, { name }, { type: "merge", value }, host.signal);
    await host.until(async () => expect(await reasons()).toContain("VolumeFailedDelete"));
    expect(await phase()).toBeDefined();
    driver.failure = undefined;
    await host.until(() => !driver.volumes.has(name));
  });

  it("grows a volume and tells the kubelet that the file system is next", async () => {
    await addClass();
    const { metadata } = await addClaim();
    await untilBound();
    const value = { spec: { resources: { requests: { storage: "3Gi" } } } };
    await host.client.patch(PERSISTENT_VOLUME_CLAIMS, KEY, { type: "merge", value }, host.signal);
    const name = `pvc-${metadata?.uid}`;
    await host.until(async () =>
      expect((await host.client.get(PERSISTENT_VOLUMES, { name }, host.signal)).spec?.capacity).toEqual({
        storage: "3Gi",
      }),
    );
    expect(driver.volumes.get(name)).toBe(3n * 2n ** 30n);
    const { status } = await claim();
    expect(status?.capacity).toEqual({ storage: "1Gi" });
    expect(status?.conditions?.map(({ type }) => type)).toEqual(["FileSystemResizePending"]);
  });

  it("refuses what it can not make", async () => {
    await addClass();
    await addClaim({ volumeMode: "Block" });
    await host.until(async () => expect(await reasons()).toEqual(["ProvisioningFailed"]));
    expect(driver.requests).toEqual([]);
  });
});
