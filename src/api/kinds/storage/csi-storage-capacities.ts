import type { CSIStorageCapacity } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { NAME, column } from "../table.ts";
import { validateStorageCapacity, validateStorageCapacityUpdate } from "./validate-storage.ts";
import { storageCapacityWarnings } from "../object-warnings.ts";

export const csiStorageCapacityKind = defineKind({
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSIStorageCapacity",
  resource: "csistoragecapacities",
  namespaced: true,
  validateCreate: (object) => validateStorageCapacity(object),
  validateUpdate: validateStorageCapacityUpdate,
  warnings: storageCapacityWarnings,
  table: {
    columns: [NAME, column("StorageClassName"), column("Capacity")],
    cells: (object) => {
      const { metadata, storageClassName, capacity } = object as unknown as CSIStorageCapacity;
      return [metadata?.name ?? "", storageClassName, capacity ?? "<unset>"];
    },
  },
});
