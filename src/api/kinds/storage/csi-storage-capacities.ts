import { defineKind } from "../define-kind.ts";
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
});
