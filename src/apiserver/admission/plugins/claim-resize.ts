import { storageClassOf } from "../../../api/kinds/core/access-modes.ts";
import type { PersistentVolumeClaim, StorageClass } from "../../../api/types.ts";
import { compareQuantities, quantityOf } from "../../../lib/quantity.ts";
import type { AdmissionPlugin, Objects } from "../../extension.ts";
import { isFor, refused } from "../request-kind.ts";

/** A claim grows only once it is bound, and only when its class says that its volumes can. */
export function persistentVolumeClaimResize(): AdmissionPlugin {
  return {
    name: "PersistentVolumeClaimResize",
    validate(request, objects) {
      if (!isFor(request, "persistentvolumeclaims", "update")) return undefined;
      const [claim, old] = [request.object as PersistentVolumeClaim, request.old as PersistentVolumeClaim];
      if (!isLarger(claim, old)) return undefined;
      if (old.status?.phase !== "Bound") {
        throw refused(request, "Only bound persistent volume claims can be expanded");
      }
      if (!canGrow(claim, old, objects)) {
        const why =
          "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
        throw refused(request, why);
      }
      return undefined;
    },
  };
}

function isLarger(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const [now, before] = [claim, old].map(({ spec }) => quantityOf(spec?.resources?.requests?.["storage"] ?? "0"));
  return now !== undefined && before !== undefined && compareQuantities(now, before) > 0;
}

function canGrow(claim: PersistentVolumeClaim, old: PersistentVolumeClaim, objects: Objects): boolean {
  const [name, before] = [claim, old].map(({ metadata, spec }) =>
    storageClassOf(metadata?.annotations, spec?.storageClassName),
  );
  if (name === undefined || name === "" || name !== before) return false;
  const classes = objects.list("storageclasses.storage.k8s.io", "") as readonly unknown[] as readonly StorageClass[];
  return classes.find(({ metadata }) => metadata?.name === name)?.allowVolumeExpansion === true;
}
