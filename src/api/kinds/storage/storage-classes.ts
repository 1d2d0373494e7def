import type { StorageClass } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { fill } from "../fill.ts";
import { AGE, NAME, ageOf, column } from "../table.ts";
import { validateStorageClass, validateStorageClassUpdate } from "./validate-storage.ts";
import { storageClassWarnings } from "../object-warnings.ts";

const DEFAULT_ANNOTATIONS = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
] as const;

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
      const isDefault = DEFAULT_ANNOTATIONS.some((key) => storageClass.metadata?.annotations?.[key] === "true");
      return [
        isDefault ? `${name} (default)` : name,
        storageClass.provisioner,
        storageClass.reclaimPolicy ?? "Delete",
        storageClass.volumeBindingMode ?? "Immediate",
        storageClass.allowVolumeExpansion ?? false,
        ageOf(object, now),
      ];
    },
  },
});
