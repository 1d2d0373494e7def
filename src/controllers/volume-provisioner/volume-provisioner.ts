import type { StorageClass } from "../../api/types.ts";
import { csiAccessMode } from "../../core/csi/access-mode.ts";
import {
  decideProvisioning,
  isToBeDeleted,
  provisionedVolume,
  type ProvisioningPlan,
  PROVISIONER_FINALIZER,
} from "../../core/persistent-volumes/decide-provisioning.ts";
import { SELECTED_NODE } from "../../core/persistent-volumes/annotations.ts";
import { classOfClaim } from "../../core/persistent-volumes/claim-and-volume.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { referenceTo } from "../../machinery/event-recorder.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { parseKey, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES } from "../../machinery/resources.ts";
import { createUnitGroup, type Unit } from "../../machinery/unit.ts";
import { CsiFailure } from "../../ports/csi.ts";
import type { CsiController } from "../../ports/csi-controller.ts";
import type { ControllerDeps } from "../controller.ts";
import { createVolumeResizer } from "./volume-resizer.ts";

export interface VolumeProvisionerOptions {
  /** The driver this provisioner belongs to. */
  readonly driver: string;
  readonly controller: CsiController;
  /** It makes and deletes volumes of this node alone; each node has a provisioner of its own. */
  readonly nodeName: string;
  readonly topology: Readonly<Record<string, string>>;
}

/**
 * Makes volumes for claims that ask for this driver, makes them larger, and deletes what is behind volumes that were
 * given up: what external-provisioner and external-resizer do beside a driver, for one node.
 */
export function createVolumeProvisioner(deps: ControllerDeps, options: VolumeProvisionerOptions): Unit {
  return createUnitGroup(
    "volume-provisioner",
    [createMaker(deps, options), createDeleter(deps, options), createVolumeResizer(deps, options)],
    "together",
  );
}

function createMaker(deps: ControllerDeps, options: VolumeProvisionerOptions): Unit {
  const { client, informers } = deps;
  const { driver, controller } = options;
  const events = deps.events.for(driver);
  const claims = informers.of(PERSISTENT_VOLUME_CLAIMS);
  const classes = informers.of(STORAGE_CLASSES);
  const volumes = informers.of(PERSISTENT_VOLUMES);
  const claimsOfClass = claims.index((claim) => (claim.spec?.volumeName === undefined ? [classOfClaim(claim)] : []));

  const make = (plan: ProvisioningPlan, modes: readonly string[], signal: AbortSignal) =>
    controller.create(
      {
        name: plan.name,
        requiredBytes: plan.requiredBytes,
        limitBytes: plan.limitBytes,
        accessModes: modes.map((mode) => csiAccessMode(mode, true)),
        fsType: plan.fsType,
        mountFlags: plan.mountOptions,
        parameters: plan.parameters,
        topology: options.topology,
      },
      signal,
    );

  const loop = createReconcileLoop(deps, {
    name: "volume-provisioner",
    async reconcile(key, signal) {
      const claim = claims.reader.get(key);
      if (claim === undefined) return "await-change";
      const storageClass = classes.reader.get(classOfClaim(claim));
      const decision = decideProvisioning(claim, storageClass, options);
      if (decision.do === "nothing") return "await-change";
      const tell = (type: "Normal" | "Warning", reason: string, message: string): void =>
        events.record({ involvedObject: referenceTo(PERSISTENT_VOLUME_CLAIMS, claim), type, reason, message });
      if (decision.do === "refuse") {
        tell("Warning", decision.event.reason, decision.event.message);
        return "await-change";
      }
      const { plan } = decision;
      // Made by an earlier call whose claim is about to be bound.
      if (volumes.reader.get(plan.name) !== undefined) return "await-change";
      tell("Normal", "Provisioning", `External provisioner is provisioning volume for claim "${key}"`);
      try {
        const made = await make(plan, claim.spec?.accessModes ?? [], signal);
        await client
          .create(PERSISTENT_VOLUMES, provisionedVolume(claim, plan, made, driver), signal)
          .catch(ignoreExists);
        tell("Normal", "ProvisioningSucceeded", `Successfully provisioned volume ${plan.name}`);
        return "await-change";
      } catch (reason) {
        if (signal.aborted) throw reason;
        const where = `failed to provision volume with StorageClass "${plan.className}"`;
        tell("Warning", "ProvisioningFailed", `${where}: ${messageOf(reason)}`);
        // No room here: the scheduler may find another node.
        if (isFull(reason) && waitsForConsumer(storageClass)) {
          const value = { metadata: { annotations: { [SELECTED_NODE]: null } } };
          await client.patch(PERSISTENT_VOLUME_CLAIMS, parseKey(key), { type: "merge", value }, signal);
        }
        throw reason;
      }
    },
  });
  claims.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  classes.onChange(({ key }) => {
    for (const claim of claimsOfClass(key)) {
      loop.enqueue(`${claim.metadata?.namespace ?? ""}/${claim.metadata?.name ?? ""}`);
    }
  });
  return loop;
}

function createDeleter(deps: ControllerDeps, options: VolumeProvisionerOptions): Unit {
  const { client, informers } = deps;
  const { driver, controller } = options;
  const events = deps.events.for(driver);
  const volumes = informers.of(PERSISTENT_VOLUMES);
  const loop = createReconcileLoop(deps, {
    name: "volume-deleter",
    async reconcile(name, signal) {
      const seen = volumes.reader.get(name);
      if (seen === undefined || !isToBeDeleted(seen, driver) || !isOfThisNode(seen, options)) return "await-change";
      // Data is destroyed: what counts is what the server says now.
      const volume = await client.get(PERSISTENT_VOLUMES, { name }, signal).catch((reason: unknown) => {
        if (hasReason(reason, "NotFound")) return undefined;
        throw reason;
      });
      if (volume === undefined || volume.metadata?.uid !== seen.metadata?.uid) return "await-change";
      if (!isToBeDeleted(volume, driver)) return "await-change";
      try {
        await controller.delete(volume.spec?.csi?.volumeHandle ?? "", signal);
      } catch (reason) {
        const message = messageOf(reason);
        events.record({
          involvedObject: referenceTo(PERSISTENT_VOLUMES, volume),
          type: "Warning",
          reason: "VolumeFailedDelete",
          message,
        });
        throw reason;
      }
      const uid = volume.metadata?.uid;
      if (volume.metadata?.deletionTimestamp === undefined) {
        const preconditions = uid === undefined ? {} : { preconditions: { uid } };
        await client.delete(PERSISTENT_VOLUMES, { name }, signal, preconditions).catch(ignoreMissing);
      }
      await removeFinalizer(name, signal);
      return "await-change";
    },
  });

  async function removeFinalizer(name: string, signal: AbortSignal): Promise<void> {
    const volume = await client.get(PERSISTENT_VOLUMES, { name }, signal).catch(ignoreMissing);
    if (volume === undefined) return;
    const finalizers = volume.metadata?.finalizers ?? [];
    if (!finalizers.includes(PROVISIONER_FINALIZER)) return;
    const rest = finalizers.filter((one) => one !== PROVISIONER_FINALIZER);
    const changed = { ...volume, metadata: { ...volume.metadata, finalizers: rest } };
    await client.update(PERSISTENT_VOLUMES, changed, signal).catch(ignoreMissing);
  }

  volumes.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  return loop;
}

/** Volumes of other nodes are deleted by the provisioner there: the image is on that machine. */
function isOfThisNode(
  volume: { readonly spec?: { readonly nodeAffinity?: NodeAffinity } },
  { topology }: VolumeProvisionerOptions,
): boolean {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return terms.some(({ matchExpressions = [] }) =>
    matchExpressions.every(({ key, values = [] }) => values.includes(topology[key] ?? "")),
  );
}

interface NodeAffinity {
  readonly required?: {
    readonly nodeSelectorTerms?: readonly {
      readonly matchExpressions?: readonly { readonly key: string; readonly values?: readonly string[] }[];
    }[];
  };
}

function isFull(reason: unknown): boolean {
  return reason instanceof CsiFailure && reason.status === "ResourceExhausted";
}

function waitsForConsumer(storageClass: StorageClass | undefined): boolean {
  return storageClass?.volumeBindingMode === "WaitForFirstConsumer";
}

function ignoreExists(reason: unknown): undefined {
  if (!hasReason(reason, "AlreadyExists")) throw reason;
}

function ignoreMissing(reason: unknown): undefined {
  if (!hasReason(reason, "NotFound")) throw reason;
}
