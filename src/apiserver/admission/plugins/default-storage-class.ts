import type { KubernetesObject, PersistentVolumeClaim, StorageClass } from "../../../api/types.ts";
import type { AdmissionPlugin, Objects } from "../../extension.ts";
import { isFor } from "../request-kind.ts";

const IS_DEFAULT = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
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
      const chosen = defaultClass(objects);
      if (chosen === undefined) return object;
      return { ...object, spec: { ...spec, storageClassName: chosen } };
    },
  };
}

/** The newest class that is marked as the default; by name among equally new ones. */
function defaultClass(objects: Objects): string | undefined {
  const classes = (objects.list("storageclasses.storage.k8s.io", "") as readonly unknown[] as readonly StorageClass[])
    .filter(({ metadata }) => IS_DEFAULT.some((annotation) => metadata?.annotations?.[annotation] === "true"))
    .map(({ metadata }) => ({ name: metadata?.name ?? "", created: Date.parse(metadata?.creationTimestamp ?? "") }))
    .sort((left, right) => right.created - left.created || (left.name < right.name ? -1 : 1));
  return classes[0]?.name;
}
