import type { ObjectMeta, PersistentVolume, PersistentVolumeClaim } from "../../api/types.ts";
import { compareQuantities, parseQuantity } from "../../lib/quantity.ts";
import { BIND_COMPLETED, BOUND_BY_CONTROLLER, hasAnnotation, PRE_RESIZE_CAPACITY } from "./annotations.ts";
import { refersTo } from "./claim-and-volume.ts";

type Capacity = NonNullable<PersistentVolumeClaim["status"]>["capacity"];

// Binding is four writes in this order: volume, volume's status, claim, claim's status. A volume's reference is what
// decides who has it, so that is written first; after a crash between any two of them the same decisions lead to the rest.

/** The volume with its reference to the claim; the same object when nothing is missing. */
export function volumeBoundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const reference = volume.spec?.claimRef;
  const { namespace, name, uid, resourceVersion } = claim.metadata ?? {};
  const isChosenHere = !refersTo(volume, claim);
  const isComplete = reference?.name === name && reference?.namespace === namespace && reference?.uid === uid;
  if (isComplete) return volume;
  const claimRef = {
    kind: "PersistentVolumeClaim",
    apiVersion: "v1",
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  return {
    ...volume,
    metadata: isChosenHere ? annotated(volume.metadata, BOUND_BY_CONTROLLER, "yes") : (volume.metadata ?? {}),
    spec: { ...volume.spec, claimRef },
  };
}

/** The claim with the volume's name, as bound; the same object when nothing is missing. */
export function claimBoundTo(claim: PersistentVolumeClaim, volumeName: string): PersistentVolumeClaim {
  const isNamed = claim.spec?.volumeName === volumeName;
  if (isNamed && hasAnnotation(claim, BIND_COMPLETED)) return claim;
  const metadata = isNamed ? claim.metadata : annotated(claim.metadata, BOUND_BY_CONTROLLER, "yes");
  return {
    ...claim,
    metadata: annotated(metadata, BIND_COMPLETED, "yes"),
    spec: { ...claim.spec, volumeName },
  };
}

/**
 * The claim as Bound to the volume in its status; the same object when nothing is missing. What it can use is told once:
 * later the file system may be smaller than the volume, and whoever grows it says so.
 */
export function claimWithBoundStatus(claim: PersistentVolumeClaim, volume: PersistentVolume): PersistentVolumeClaim {
  const { status } = claim;
  const accessModes = volume.spec?.accessModes ?? [];
  const isNew = status?.phase !== "Bound";
  const sameModes = JSON.stringify(status?.accessModes ?? []) === JSON.stringify(accessModes);
  if (!isNew && sameModes) return claim;
  const attributes = volume.spec?.volumeAttributesClassName;
  return {
    ...claim,
    status: {
      ...status,
      phase: "Bound",
      accessModes,
      ...(isNew && { capacity: usableCapacity(claim, volume) ?? {} }),
      ...(status?.phase === "Pending" && attributes !== undefined && { currentVolumeAttributesClassName: attributes }),
    },
  };
}

function usableCapacity({ status }: PersistentVolumeClaim, { metadata, spec }: PersistentVolume): Capacity {
  const before = metadata?.annotations?.[PRE_RESIZE_CAPACITY];
  if (before !== undefined && parseQuantity(before).ok) return { ...status?.capacity, storage: before };
  const [own, whole] = [status?.capacity?.["storage"], spec?.capacity?.["storage"]].map((text) => {
    const parsed = text === undefined ? undefined : parseQuantity(text);
    return parsed?.ok === true ? parsed.value : undefined;
  });
  const isSame = own !== undefined && whole !== undefined && compareQuantities(own, whole) === 0;
  return isSame ? status?.capacity : spec?.capacity;
}

/** The claim without a volume in its status, in a phase; the same object when nothing changes. */
export function claimWithoutVolume(claim: PersistentVolumeClaim, phase: "Pending" | "Lost"): PersistentVolumeClaim {
  const { phase: before, accessModes, capacity, currentVolumeAttributesClassName, ...rest } = claim.status ?? {};
  const isClean = accessModes === undefined && capacity === undefined && currentVolumeAttributesClassName === undefined;
  return before === phase && isClean ? claim : { ...claim, status: { ...rest, phase } };
}

/** The volume in a phase; the same object when it is in it. */
export function volumeInPhase(volume: PersistentVolume, phase: string, message = ""): PersistentVolume {
  if (volume.status?.phase === phase) return volume;
  const { message: _, reason: __, ...rest } = volume.status ?? {};
  return { ...volume, status: { ...rest, phase, ...(message !== "" && { message }) } };
}

/** The volume without its claim; a claim that a user chose stays reserved, by name. */
export function volumeWithoutClaim(volume: PersistentVolume): PersistentVolume {
  if (!hasAnnotation(volume, BOUND_BY_CONTROLLER)) {
    const { uid: _, ...claimRef } = volume.spec?.claimRef ?? {};
    return { ...volume, spec: { ...volume.spec, claimRef } };
  }
  const { claimRef: _, ...spec } = volume.spec ?? {};
  const { [BOUND_BY_CONTROLLER]: __, ...annotations } = volume.metadata?.annotations ?? {};
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec };
}

function annotated(metadata: ObjectMeta | undefined, name: string, value: string): ObjectMeta {
  return { ...metadata, annotations: { ...metadata?.annotations, [name]: value } };
}
