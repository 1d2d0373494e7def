import { compareQuantities, quantityOf, ZERO_QUANTITY } from "../../lib/quantity.ts";
import type { PersistentVolumeClaim } from "../../api/types.ts";
import { requestOf } from "../../core/persistent-volumes/claim-and-volume.ts";
import { decideExpansion, STORAGE_RESIZER } from "../../core/persistent-volumes/decide-expansion.ts";
import { referenceTo } from "../../machinery/event-recorder.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { parseKey, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";

/**
 * Tells users who makes their volume larger, and names the CSI driver for volumes of in-tree plugins. The volume itself is
 * grown by the driver's resizer, the file system on it by the kubelet.
 */
export function createVolumeExpandController(deps: ControllerDeps): Unit {
  const { client, informers } = deps;
  const events = deps.events.for("volume_expand");
  const claims = informers.of(PERSISTENT_VOLUME_CLAIMS);
  const volumes = informers.of(PERSISTENT_VOLUMES);
  const loop = createReconcileLoop(deps, {
    name: "persistentvolume-expander-controller",
    async reconcile(key, signal) {
      const claim = claims.reader.get(key);
      const volume = volumes.reader.get(claim?.spec?.volumeName ?? "");
      if (claim === undefined || volume === undefined) return "await-change";
      const decision = decideExpansion(claim, volume);
      if (decision.do === "nothing") return "await-change";
      events.record({ involvedObject: referenceTo(PERSISTENT_VOLUME_CLAIMS, claim), ...decision.event });
      const { resizer } = decision;
      if (resizer === undefined || claim.metadata?.annotations?.[STORAGE_RESIZER] === resizer) return "await-change";
      const value = { metadata: { annotations: { [STORAGE_RESIZER]: resizer } } };
      await client.patch(PERSISTENT_VOLUME_CLAIMS, parseKey(key), { type: "merge", value }, signal, {
        subresource: "status",
      });
      return "await-change";
    },
  });
  claims.onChange((change) => {
    const { key, object } = change;
    if (change.type === "deleted" || object.status?.phase !== "Bound") return;
    if (change.type === "added" || hasGrown(change.old, object)) loop.enqueue(key);
  });
  return loop;
}

function hasGrown(old: PersistentVolumeClaim, claim: PersistentVolumeClaim): boolean {
  return (
    compareQuantities(requestOf(claim), requestOf(old)) > 0 || compareQuantities(usableOf(claim), usableOf(old)) > 0
  );
}

function usableOf({ status }: PersistentVolumeClaim): ReturnType<typeof quantityOf> {
  const storage = status?.capacity?.["storage"];
  return storage === undefined ? ZERO_QUANTITY : quantityOf(storage);
}
