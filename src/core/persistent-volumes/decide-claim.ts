import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../api/types.ts";
import { BIND_COMPLETED, hasAnnotation, SELECTED_NODE } from "./annotations.ts";
import { classOfClaim, refersTo } from "./claim-and-volume.ts";
import { findVolume, whyUnfit } from "./find-volume.ts";
import { migratedDriver } from "./migrated-plugins.ts";

/** What users read about a claim or a volume. */
export interface BindingEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** What deciding about claims looks at. */
export interface ClaimSurroundings {
  volume(name: string): PersistentVolume | undefined;
  /** Free volumes of a class, and those that refer to the claim whatever their class. */
  candidates(claim: PersistentVolumeClaim, className: string): readonly PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  /** Name of the default class. */
  defaultClass(): string | undefined;
  /** Names of the pods that use the claim and have no node yet. */
  podsWithoutNode(claim: PersistentVolumeClaim): readonly string[];
}

export type ClaimDecision =
  /** Both sides are to refer to each other and be Bound, as far as that is not so already. */
  | { readonly do: "bind"; readonly volume: PersistentVolume }
  /** It is Pending, for something that is not here yet. */
  | { readonly do: "wait"; readonly event?: BindingEvent }
  | { readonly do: "assign-class"; readonly className: string }
  /** Its provisioner is told by annotation; a volume that refers to the claim is expected to appear. */
  | {
      readonly do: "provision";
      /** For in-tree provisioners the CSI driver that stands in for them. */
      readonly provisioner: string;
      readonly event: BindingEvent;
    }
  /** It was bound, and the volume is gone or another's: Lost, for good. */
  | { readonly do: "lose"; readonly event: BindingEvent };

/** What becomes of a claim. Asked again after each change, the answers end in "bind", "wait" or "lose". */
export function decideClaim(claim: PersistentVolumeClaim, around: ClaimSurroundings): ClaimDecision {
  if (hasAnnotation(claim, BIND_COMPLETED)) return decideBound(claim, around);
  const wanted = claim.spec?.volumeName ?? "";
  return wanted === "" ? decideUnbound(claim, around) : decideAsking(claim, around.volume(wanted));
}

function decideBound(claim: PersistentVolumeClaim, around: ClaimSurroundings): ClaimDecision {
  const name = claim.spec?.volumeName ?? "";
  if (name === "") {
    return lost("ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
  }
  const volume = around.volume(name);
  if (volume === undefined) {
    return lost("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
  }
  const claimant = volume.spec?.claimRef;
  // A volume that lost its reference is given it again; one that has no UID yet might be meant for a later claim.
  if (claimant === undefined || claimant.uid === claim.metadata?.uid) return { do: "bind", volume };
  return lost("ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly");
}

/** The user named a volume. */
function decideAsking(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined): ClaimDecision {
  if (volume === undefined) return { do: "wait" };
  const name = volume.metadata?.name ?? "";
  if (volume.spec?.claimRef === undefined) {
    const why = whyUnfit(volume, claim);
    if (why === undefined) return { do: "bind", volume };
    const message = `Cannot bind to requested volume "${name}": ${why}`;
    return { do: "wait", event: { type: "Warning", reason: "VolumeMismatch", message } };
  }
  if (refersTo(volume, claim)) return { do: "bind", volume };
  const message = `volume "${name}" already bound to a different claim.`;
  return { do: "wait", event: { type: "Warning", reason: "FailedBinding", message } };
}

function decideUnbound(claim: PersistentVolumeClaim, around: ClaimSurroundings): ClaimDecision {
  const className = classOfClaim(claim);
  const storageClass = className === "" ? undefined : around.storageClass(className);
  const waitsForPod = storageClass?.volumeBindingMode === "WaitForFirstConsumer";
  const search = { for: waitsForPod ? "reserved-only" : "any-node" } as const;
  const volume = findVolume(claim, around.candidates(claim, className), search);
  if (volume !== undefined) return { do: "bind", volume };
  if (!hasClass(claim)) {
    const assigned = around.defaultClass();
    if (assigned !== undefined) return { do: "assign-class", className: assigned };
  }
  if (waitsForPod && !hasAnnotation(claim, SELECTED_NODE)) {
    return { do: "wait", event: firstConsumer(around.podsWithoutNode(claim)) };
  }
  if (className !== "") return decideProvisioning(className, storageClass);
  const message = "no persistent volumes available for this claim and no storage class is set";
  return { do: "wait", event: { type: "Normal", reason: "FailedBinding", message } };
}

/** Asking for the class "" is asking for none, which is not the same as not asking. */
function hasClass({ metadata, spec }: PersistentVolumeClaim): boolean {
  return (
    spec?.storageClassName !== undefined ||
    metadata?.annotations?.["volume.beta.kubernetes.io/storage-class"] !== undefined
  );
}

function firstConsumer(pods: readonly string[]): BindingEvent {
  const [only] = pods;
  if (only === undefined) {
    const message = "waiting for first consumer to be created before binding";
    return { type: "Normal", reason: "WaitForFirstConsumer", message };
  }
  const message =
    pods.length === 1
      ? `waiting for pod ${only} to be scheduled`
      : `waiting for pods ${pods.join(",")} to be scheduled`;
  return { type: "Normal", reason: "WaitForPodScheduled", message };
}

function decideProvisioning(className: string, storageClass: StorageClass | undefined): ClaimDecision {
  const failure = (message: string): ClaimDecision => ({
    do: "wait",
    event: { type: "Warning", reason: "ProvisioningFailed", message },
  });
  if (storageClass === undefined) return failure(`storageclass.storage.k8s.io "${className}" not found`);
  const named = storageClass.provisioner;
  const migratedTo = migratedDriver(named);
  if (migratedTo === undefined && named.startsWith("kubernetes.io/")) {
    return failure(`no volume plugin matched name: ${named}`);
  }
  const provisioner = migratedTo ?? named;
  const message =
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system ` +
    "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.";
  return {
    do: "provision",
    provisioner,
    event: { type: "Normal", reason: "ExternalProvisioning", message },
  };
}

function lost(reason: string, message: string): ClaimDecision {
  return { do: "lose", event: { type: "Warning", reason, message } };
}
