import type { KubernetesObject } from "../../../api/types.ts";
import type { AdmissionPlugin } from "../../extension.ts";
import { isFor } from "../request-kind.ts";

const FINALIZERS: readonly (readonly [kind: string, finalizer: string])[] = [
  ["persistentvolumes", "kubernetes.io/pv-protection"],
  ["persistentvolumeclaims", "kubernetes.io/pvc-protection"],
  ["volumeattributesclasses.storage.k8s.io", "kubernetes.io/vac-protection"],
];

/** Volumes, claims and attributes classes that are in use are not removed: a controller takes the finalizer away when nobody uses them. */
export function storageObjectInUseProtection(): AdmissionPlugin {
  return {
    name: "StorageObjectInUseProtection",
    mutate(request): KubernetesObject {
      const object = request.object ?? {};
      const finalizer = FINALIZERS.find(([kind]) => isFor(request, kind, "create"))?.[1];
      const present = object.metadata?.finalizers ?? [];
      if (finalizer === undefined || present.includes(finalizer)) return object;
      return { ...object, metadata: { ...object.metadata, finalizers: [...present, finalizer] } };
    },
  };
}
