import { selectsLabels } from "../../api/label-selector.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../api/types.ts";
import { compareQuantities, quantityOf } from "../../lib/quantity.ts";
import { NO_PROVISIONER, SELECTED_NODE } from "../persistent-volumes/annotations.ts";
import { classOfClaim, requestOf } from "../persistent-volumes/claim-and-volume.ts";
import { findVolume, isReachableFrom } from "../persistent-volumes/find-volume.ts";
import type { PodVolumes } from "./pod-volumes.ts";
import type { StorageView } from "./storage-view.ts";

export interface VolumeBinding {
  readonly claim: PersistentVolumeClaim;
  readonly volume: PersistentVolume;
}

/** What must be done for the volumes of a pod before it is given to a node. */
export interface VolumePlan {
  /** Volumes that are there and go to waiting claims. */
  readonly bindings: readonly VolumeBinding[];
  /** Claims whose volumes are to be made for the node. */
  readonly provisions: readonly PersistentVolumeClaim[];
}

export const NOTHING_TO_BIND: VolumePlan = { bindings: [], provisions: [] };

export type VolumePlacement =
  | { readonly fits: true; readonly plan: VolumePlan }
  | { readonly fits: false; readonly reasons: readonly string[] };

const NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity";
const BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind";
const NO_SPACE = "node(s) did not have enough free storage";
const NO_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";

/** Whether the volumes of a pod can be had on a node, and how. The reasons are upstream's, in its order. */
export function placeVolumes({ bound, waiting }: PodVolumes, node: Node, storage: StorageView): VolumePlacement {
  const conflict = boundConflict(bound, node, storage);
  const bindings: VolumeBinding[] = [];
  const provisions: PersistentVolumeClaim[] = [];
  let failure: string | undefined;
  // The smallest first, so that a small claim does not take the one volume a large one needs.
  for (const claim of [...waiting].sort((a, b) => compareQuantities(requestOf(a), requestOf(b)))) {
    const selected = claim.metadata?.annotations?.[SELECTED_NODE];
    if (selected !== undefined && selected !== node.metadata?.name) {
      failure = BIND_CONFLICT;
      break;
    }
    const taken = new Set(bindings.map(({ volume }) => volume.metadata?.name ?? ""));
    const candidates = selected === undefined ? storage.candidates(claim, classOfClaim(claim)) : [];
    const volume = findVolume(claim, candidates, { for: "node", node, taken });
    if (volume !== undefined) bindings.push({ claim, volume });
    else provisions.push(claim);
  }
  for (const claim of failure === undefined ? provisions : []) failure ??= provisionConflict(claim, node, storage);
  const isSpaceless = failure === NO_SPACE;
  const reasons = [
    ...(conflict === NODE_CONFLICT ? [NODE_CONFLICT] : []),
    ...(failure !== undefined && !isSpaceless ? [failure] : []),
    ...(isSpaceless ? [NO_SPACE] : []),
    ...(conflict === NO_VOLUME ? [NO_VOLUME] : []),
  ];
  return reasons.length === 0 ? { fits: true, plan: { bindings, provisions } } : { fits: false, reasons };
}

function boundConflict(
  bound: readonly PersistentVolumeClaim[],
  node: Node,
  storage: StorageView,
): typeof NODE_CONFLICT | typeof NO_VOLUME | undefined {
  for (const claim of bound) {
    const volume = storage.volume(claim.spec?.volumeName ?? "");
    if (volume === undefined) return NO_VOLUME;
    if (!isReachableFrom(volume, node)) return NODE_CONFLICT;
  }
  return undefined;
}

/** Why a volume for the claim can not be made for the node. */
function provisionConflict(claim: PersistentVolumeClaim, node: Node, storage: StorageView): string | undefined {
  const storageClass = storage.storageClass(classOfClaim(claim));
  if (storageClass === undefined || storageClass.provisioner === NO_PROVISIONER) return BIND_CONFLICT;
  if (!allowsNode(storageClass, node)) return BIND_CONFLICT;
  return hasSpace(claim, storageClass, node, storage) ? undefined : NO_SPACE;
}

function allowsNode({ allowedTopologies = [] }: StorageClass, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions: expressions = [] }) => {
    return expressions.length > 0 && expressions.every(({ key, values }) => values.includes(labels[key] ?? ""));
  });
}

/** Only drivers that say they report free space are held to it. */
function hasSpace(
  claim: PersistentVolumeClaim,
  { metadata, provisioner }: StorageClass,
  node: Node,
  storage: StorageView,
): boolean {
  if (storage.csiDriver(provisioner)?.spec.storageCapacity !== true) return true;
  const wanted = requestOf(claim);
  return storage.capacities(metadata?.name ?? "").some(({ maximumVolumeSize, capacity, nodeTopology }) => {
    const limit = maximumVolumeSize ?? capacity;
    return (
      limit !== undefined &&
      compareQuantities(quantityOf(limit), wanted) >= 0 &&
      selectsLabels(nodeTopology, node.metadata?.labels)
    );
  });
}
