import type { CSIDriver } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";

export const csiDriverKind = defineKind({
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSIDriver",
  resource: "csidrivers",
  namespaced: false,
  table: tableWithAge(
    [
      column("AttachRequired", "boolean"),
      column("PodInfoOnMount", "boolean"),
      column("StorageCapacity", "boolean"),
      column("TokenRequests"),
      column("RequiresRepublish", "boolean"),
      column("Modes"),
    ],
    (object) => {
      const { spec } = object as unknown as CSIDriver;
      return [
        spec.attachRequired ?? true,
        spec.podInfoOnMount ?? false,
        spec.storageCapacity ?? false,
        spec.tokenRequests?.map((request) => request.audience).join(",") ?? "<unset>",
        spec.requiresRepublish ?? false,
        spec.volumeLifecycleModes?.join(",") || "<none>",
      ];
    },
  ),
});
