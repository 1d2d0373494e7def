import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types.ts";
import { compareQuantities, quantityOf, ZERO_QUANTITY } from "../../lib/quantity.ts";
import { hasAnnotation, PRE_RESIZE_CAPACITY } from "./annotations.ts";
import { requestOf } from "./claim-and-volume.ts";
import type { BindingEvent } from "./decide-claim.ts";
import { migratedPluginOf } from "./migrated-plugins.ts";

/** On a claim: the driver that is asked to make its volume larger. */
export const STORAGE_RESIZER = "volume.kubernetes.io/storage-resizer";

export type ExpansionDecision =
  | { readonly do: "nothing" }
  /** Somebody else makes the volume larger: the resizer of the driver, or nobody. */
  | { readonly do: "await-resizer"; readonly event: BindingEvent; readonly resizer?: string };

/** What becomes of a claim that asks for more than it has. In-tree volumes are not grown by any controller. */
export function decideExpansion(claim: PersistentVolumeClaim, volume: PersistentVolume): ExpansionDecision {
  if (volume.spec?.claimRef?.uid !== claim.metadata?.uid) return { do: "nothing" };
  const usable = claim.status?.capacity?.["storage"];
  const isLarger = compareQuantities(requestOf(claim), usable === undefined ? ZERO_QUANTITY : quantityOf(usable)) > 0;
  if (!isLarger && !hasAnnotation(volume, PRE_RESIZE_CAPACITY)) return { do: "nothing" };
  const migrated = migratedPluginOf(volume);
  if (migrated !== undefined) {
    const message = `CSI migration enabled for ${migrated.plugin}; waiting for external resizer to expand the pvc`;
    return {
      do: "await-resizer",
      resizer: migrated.driver,
      event: { type: "Normal", reason: "ExternalExpanding", message },
    };
  }
  const message = "waiting for an external controller to expand this PVC";
  return { do: "await-resizer", event: { type: "Normal", reason: "ExternalExpanding", message } };
}
