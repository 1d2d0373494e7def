import type { PersistentVolumeClaim } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge, wideColumn } from "../table.ts";
import { accessModesText, storageClassOf } from "./access-modes.ts";

export const persistentVolumeClaimKind = defineKind({
  group: "",
  version: "v1",
  kind: "PersistentVolumeClaim",
  resource: "persistentvolumeclaims",
  namespaced: true,
  shortNames: ["pvc"],
  hasStatus: true,
  table: tableWithAge(
    [
      column("Status"),
      column("Volume"),
      column("Capacity"),
      column("Access Modes"),
      column("StorageClass"),
      column("VolumeAttributesClass"),
    ],
    (object) => {
      const { metadata, spec, status } = object as PersistentVolumeClaim;
      const volume = spec?.volumeName ?? "";
      return [
        metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
        volume,
        volume === "" ? "" : (status?.capacity?.["storage"] ?? "0"),
        volume === "" ? "" : accessModesText(status?.accessModes),
        storageClassOf(metadata?.annotations, spec?.storageClassName),
        spec?.volumeAttributesClassName ?? "<unset>",
        spec?.volumeMode ?? "<unset>",
      ];
    },
    [wideColumn("VolumeMode")],
  ),
});
