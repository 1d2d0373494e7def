import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types.ts";
import { wantedGrowth } from "../../core/persistent-volumes/decide-provisioning.ts";
import { formatQuantity, quantityFromInteger } from "../../lib/quantity.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { referenceTo } from "../../machinery/event-recorder.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { CsiController } from "../../ports/csi-controller.ts";
import type { ControllerDeps } from "../controller.ts";

export interface VolumeResizerOptions {
  readonly driver: string;
  readonly controller: CsiController;
}

/**
 * Makes volumes as large as their claims ask for: first what is behind the volume, then its capacity, then the claim's
 * status, which tells the kubelet to grow the file system.
 */
export function createVolumeResizer(deps: ControllerDeps, options: VolumeResizerOptions): Unit {
  const { client, informers, clock } = deps;
  const { driver, controller } = options;
  const events = deps.events.for(driver);
  const claims = informers.of(PERSISTENT_VOLUME_CLAIMS);
  const volumes = informers.of(PERSISTENT_VOLUMES);

  const grow = async (
    claim: PersistentVolumeClaim,
    volume: PersistentVolume,
    requiredBytes: bigint,
    signal: AbortSignal,
  ): Promise<void> => {
    const volumeId = volume.spec?.csi?.volumeHandle ?? "";
    const { capacityBytes, nodeExpansionRequired } = await controller.expand({ volumeId, requiredBytes }, signal);
    const storage = formatQuantity(quantityFromInteger(capacityBytes, "binary"));
    // Told before the volume's capacity: the kubelet looks at the claim when it sees that.
    const value = { status: nodeExpansionRequired ? pendingStatus(claim, clock.now()) : grownStatus(claim, storage) };
    const key = { namespace: claim.metadata?.namespace ?? "", name: claim.metadata?.name ?? "" };
    await client.patch(PERSISTENT_VOLUME_CLAIMS, key, { type: "merge", value }, signal, { subresource: "status" });
    const patch = { type: "merge" as const, value: { spec: { capacity: { storage } } } };
    await client.patch(PERSISTENT_VOLUMES, { name: volume.metadata?.name ?? "" }, patch, signal);
  };

  const loop = createReconcileLoop(deps, {
    name: "volume-resizer",
    async reconcile(key, signal) {
      const claim = claims.reader.get(key);
      const volume = volumes.reader.get(claim?.spec?.volumeName ?? "");
      if (claim === undefined || volume === undefined) return "await-change";
      const bytes = wantedGrowth(claim, volume, driver);
      if (bytes === undefined) return "await-change";
      const tell = (type: "Normal" | "Warning", reason: string, message: string): void =>
        events.record({ involvedObject: referenceTo(PERSISTENT_VOLUME_CLAIMS, claim), type, reason, message });
      tell("Normal", "Resizing", `External resizer is resizing volume ${volume.metadata?.name ?? ""}`);
      try {
        await grow(claim, volume, bytes, signal);
        tell("Normal", "FileSystemResizeRequired", "Require file system resize of volume on node");
      } catch (reason) {
        if (!signal.aborted) tell("Warning", "VolumeResizeFailed", `resize volume failed: ${messageOf(reason)}`);
        throw reason;
      }
      return "await-change";
    },
  });
  claims.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  volumes.onChange(({ type, object }) => {
    const claim = object.spec?.claimRef;
    if (type !== "deleted" && claim !== undefined) loop.enqueue(`${claim.namespace ?? ""}/${claim.name ?? ""}`);
  });
  return loop;
}

function pendingStatus(claim: PersistentVolumeClaim, now: number): unknown {
  const others = (claim.status?.conditions ?? []).filter(
    ({ type }) => type !== "Resizing" && type !== "FileSystemResizePending",
  );
  const condition = {
    type: "FileSystemResizePending",
    status: "True",
    lastTransitionTime: new Date(now).toISOString().replace(/\.\d+Z$/, "Z"),
    message: "Waiting for user to (re-)start a pod to finish file system resize of volume on node.",
  };
  return {
    conditions: [...others, condition],
    allocatedResources: { storage: claim.spec?.resources?.requests?.["storage"] },
    allocatedResourceStatuses: { storage: "NodeResizePending" },
  };
}

function grownStatus(claim: PersistentVolumeClaim, storage: string): unknown {
  const conditions = (claim.status?.conditions ?? []).filter(({ type }) => type !== "Resizing");
  return { conditions, capacity: { storage }, allocatedResources: { storage } };
}
