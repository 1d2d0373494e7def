import { isDefaultStorageClass } from "../../default-storage-class.ts";
import type { StorageClass } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { fill } from "../fill.ts";
import { AGE, NAME, ageOf, column } from "../table.ts";
import { validateStorageClass, validateStorageClassUpdate } from "./validate-storage.ts";
import { storageClassWarnings } from "../object-warnings.ts";

export const storageClassKind = defineKind({
  group: "storage.k8s.io",
  version: "v1",
  kind: "StorageClass",
  resource: "storageclasses",
  namespaced: false,
  shortNames: ["sc"],
  applyDefaults: (object) => ({
    ...object,
    ...fill(object as unknown as StorageClass, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" }),
  }),
  validateCreate: validateStorageClass,
  validateUpdate: validateStorageClassUpdate,
  warnings: storageClassWarnings,
  table: {
    columns: [
      NAME,
      column("Provisioner"),
      column("ReclaimPolicy"),
      column("VolumeBindingMode"),
      column("AllowVolumeExpansion"),
      AGE,
    ],
    cells: (object, now) => {
      const storageClass = object as unknown as StorageClass;
      const name = storageClass.metadata?.name ?? "";
      return [
        isDefaultStorageClass(storageClass) ? `${name} (default)` : name,
        storageClass.provisioner,
        storageClass.reclaimPolicy ?? "Delete",
        storageClass.volumeBindingMode ?? "Immediate",
        storageClass.allowVolumeExpansion ?? false,
        ageOf(object, now),
      ];
    },
  },
});
