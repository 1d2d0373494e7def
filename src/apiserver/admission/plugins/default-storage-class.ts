import type { KubernetesObject, PersistentVolumeClaim, StorageClass } from "../../../api/types.ts";
import { defaultStorageClassOf } from "../../../api/default-storage-class.ts";
import type { AdmissionPlugin } from "../../extension.ts";
import { isFor } from "../request-kind.ts";

const CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";

/** A claim that names no class gets the default one, if there is one. */
export function defaultStorageClass(): AdmissionPlugin {
  return {
    name: "DefaultStorageClass",
    mutate(request, objects): KubernetesObject {
      const object = request.object ?? {};
      if (!isFor(request, "persistentvolumeclaims", "create")) return object;
      const { metadata, spec } = object as PersistentVolumeClaim;
      if (spec?.storageClassName !== undefined || metadata?.annotations?.[CLASS_ANNOTATION] !== undefined)
        return object;
      const classes = objects.list("storageclasses.storage.k8s.io", "") as readonly unknown[];
      const chosen = defaultStorageClassOf(classes as readonly StorageClass[]);
      if (chosen === undefined) return object;
      return { ...object, spec: { ...spec, storageClassName: chosen } };
    },
  };
}
