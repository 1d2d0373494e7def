import { storageClassOf } from "../../api/kinds/core/access-modes.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types.ts";
import { quantityOf, type Quantity, ZERO_QUANTITY } from "../../lib/quantity.ts";
import { BIND_COMPLETED, hasAnnotation } from "./annotations.ts";

/** "namespace/name" of what a volume refers to, "" when it refers to nothing. */
export function claimKeyOfVolume({ spec }: PersistentVolume): string {
  const claim = spec?.claimRef;
  return claim === undefined ? "" : `${claim.namespace ?? ""}/${claim.name ?? ""}`;
}

/** The class of a volume that no claim has or reserved; of others nothing. For an index of what can still be given. */
export function freeClassOf(volume: PersistentVolume): readonly string[] {
  return volume.spec?.claimRef === undefined ? [classOfVolume(volume)] : [];
}

export function classOfClaim({ metadata, spec }: PersistentVolumeClaim): string {
  return storageClassOf(metadata?.annotations, spec?.storageClassName);
}

export function classOfVolume({ metadata, spec }: PersistentVolume): string {
  return storageClassOf(metadata?.annotations, spec?.storageClassName);
}

/** Both sides know of it and the claim was told last: nothing of the binding is missing but perhaps phases. */
export function isFullyBound(claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.volumeName ?? "") !== "" && hasAnnotation(claim, BIND_COMPLETED);
}

/** Whether a volume refers to this very claim, by UID or, as long as it has none, by name. */
export function refersTo({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const reference = spec?.claimRef;
  if (reference === undefined) return false;
  if (reference.name !== metadata?.name || reference.namespace !== metadata?.namespace) return false;
  return (reference.uid ?? "") === "" || reference.uid === metadata?.uid;
}

export function capacityOf({ spec }: PersistentVolume): Quantity {
  const storage = spec?.capacity?.["storage"];
  return storage === undefined ? ZERO_QUANTITY : quantityOf(storage);
}

export function requestOf({ spec }: PersistentVolumeClaim): Quantity {
  const storage = spec?.resources?.requests?.["storage"];
  return storage === undefined ? ZERO_QUANTITY : quantityOf(storage);
}

type WithMode = { readonly spec?: { readonly volumeMode?: string } };

/** A file system on one side and a block device on the other. */
export function modesDiffer(a: WithMode, b: WithMode): boolean {
  return (a.spec?.volumeMode ?? "Filesystem") !== (b.spec?.volumeMode ?? "Filesystem");
}

export function offersAccessModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const offered = volume.spec?.accessModes ?? [];
  return (claim.spec?.accessModes ?? []).every((mode) => offered.includes(mode));
}

export function sameAttributesClass(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (volume.spec?.volumeAttributesClassName ?? "") === (claim.spec?.volumeAttributesClassName ?? "");
}
