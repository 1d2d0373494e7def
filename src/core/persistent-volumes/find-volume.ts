import { selectsLabels } from "../../api/label-selector.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim } from "../../api/types.ts";
import { compareQuantities } from "../../lib/quantity.ts";
import { matchesNodeSelector } from "../scheduling/node-affinity.ts";
import {
  capacityOf,
  classOfClaim,
  classOfVolume,
  modesDiffer,
  offersAccessModes,
  refersTo,
  requestOf,
  sameAttributesClass,
} from "./claim-and-volume.ts";

/** Where the claim's pod will run, as far as that matters to which volume it may get. */
export type VolumeSearch =
  /** Anywhere: the claim is bound without regard to pods. */
  | { readonly for: "any-node" }
  /** Nobody knows yet: only a volume reserved for the claim will do. */
  | { readonly for: "reserved-only" }
  /** @param taken names of volumes that other claims of the pod get */
  | { readonly for: "node"; readonly node: Node; readonly taken: ReadonlySet<string> };

/** Whether a pod on the node can reach the volume. */
export function isReachableFrom({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec?.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(required, node);
}

/**
 * The best volume for a claim that asks for none by name: the one reserved for it, else the available one with the fewest
 * other access modes and of those the smallest; of equal ones the first by name. Its class, selector, mode, attributes
 * class and size must fit. A reserved volume needs neither class nor selector.
 */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  search: VolumeSearch,
): PersistentVolume | undefined {
  const fitting = volumes.filter((volume) => fits(volume, claim, search));
  const reserved = fitting.find((volume) => refersTo(volume, claim));
  if (reserved !== undefined) {
    return search.for === "node" && !isReachableFrom(reserved, search.node) ? undefined : reserved;
  }
  if (search.for === "reserved-only") return undefined;
  let best: PersistentVolume | undefined;
  for (const volume of fitting) {
    if (!isFree(volume, claim)) continue;
    if (best !== undefined && compareVolumes(best, volume) <= 0) continue;
    if (search.for === "node" && !isReachableFrom(volume, search.node)) continue;
    best = volume;
  }
  return best;
}

/** What a reserved volume must have as well. */
function fits(volume: PersistentVolume, claim: PersistentVolumeClaim, search: VolumeSearch): boolean {
  if (search.for === "node" && search.taken.has(volume.metadata?.name ?? "")) return false;
  return (
    (volume.spec?.claimRef === undefined || refersTo(volume, claim)) &&
    volume.metadata?.deletionTimestamp === undefined &&
    !modesDiffer(volume, claim) &&
    sameAttributesClass(volume, claim) &&
    offersAccessModes(volume, claim) &&
    compareQuantities(capacityOf(volume), requestOf(claim)) >= 0
  );
}

function isFree(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const selector = claim.spec?.selector;
  return (
    volume.status?.phase === "Available" &&
    classOfVolume(volume) === classOfClaim(claim) &&
    (selector === undefined || selectsLabels(selector, volume.metadata?.labels))
  );
}

function compareVolumes(a: PersistentVolume, b: PersistentVolume): number {
  return (
    (a.spec?.accessModes ?? []).length - (b.spec?.accessModes ?? []).length ||
    compareQuantities(capacityOf(a), capacityOf(b)) ||
    ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1)
  );
}

/** Why a claim can not have the volume it asks for by name, in upstream's words. Its selector does not matter then. */
export function whyUnfit(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata?.deletionTimestamp !== undefined) {
    return `the volume is marked for deletion "${volume.metadata.name ?? ""}"`;
  }
  if (compareQuantities(capacityOf(volume), requestOf(claim)) < 0) return "requested PV is too small";
  if (classOfVolume(volume) !== classOfClaim(claim)) return "storageClassName does not match";
  if (!sameAttributesClass(volume, claim)) return "volumeAttributesClassName does not match";
  if (modesDiffer(volume, claim)) return "incompatible volumeMode";
  if (!offersAccessModes(volume, claim)) return "incompatible accessMode";
  return undefined;
}
