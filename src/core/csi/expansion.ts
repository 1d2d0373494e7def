import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types.ts";
import { compareQuantities, parseQuantity, type Quantity, wholeUnits } from "../../lib/quantity.ts";

/** What has to grow on the node. */
export interface Expansion {
  /** Size the volume has outside of the node, as it stands in the persistent volume. */
  readonly capacity: string;
  readonly requiredBytes: bigint;
}

/** The file system is to grow when the volume is larger than the claim says it has. Not for a pod that may only read. */
export function neededExpansion(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
  readOnly: boolean,
): Expansion | undefined {
  if (readOnly) return undefined;
  const capacity = volume.spec?.capacity?.["storage"];
  const wanted = quantity(capacity);
  const has = quantity(claim.status?.capacity?.["storage"]);
  if (capacity === undefined || wanted === undefined || has === undefined) return undefined;
  if (compareQuantities(wanted, has) <= 0) return undefined;
  const status = claim.status?.allocatedResourceStatuses?.["storage"];
  // The controller is not done with it, or it failed for good: nobody may try until the user asks for another size.
  if (status === "ControllerResizeInProgress" || status === "NodeResizeInfeasible") return undefined;
  return { capacity, requiredBytes: wholeUnits(wanted) };
}

/** Merge patch for the claim's status once the file system has grown. */
export function expandedStatus(claim: PersistentVolumeClaim, { capacity }: Expansion): unknown {
  const conditions = (claim.status?.conditions ?? []).filter(
    ({ type }) => type !== "Resizing" && type !== "FileSystemResizePending" && type !== "NodeResizeError",
  );
  return {
    status: {
      capacity: { storage: capacity },
      conditions,
      ...(claim.status?.allocatedResourceStatuses?.["storage"] !== undefined && {
        allocatedResourceStatuses: { storage: null },
      }),
    },
  };
}

function quantity(text: string | undefined): Quantity | undefined {
  const parsed = text === undefined ? undefined : parseQuantity(text);
  return parsed?.ok === true ? parsed.value : undefined;
}
