import type { PersistentVolume } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge, wideColumn } from "../table.ts";
import { accessModesText, storageClassOf } from "./access-modes.ts";

export const persistentVolumeKind = defineKind({
  group: "",
  version: "v1",
  kind: "PersistentVolume",
  resource: "persistentvolumes",
  namespaced: false,
  shortNames: ["pv"],
  hasStatus: true,
  table: tableWithAge(
    [
      column("Capacity"),
      column("Access Modes"),
      column("Reclaim Policy"),
      column("Status"),
      column("Claim"),
      column("StorageClass"),
      column("VolumeAttributesClass"),
      column("Reason"),
    ],
    (object) => {
      const { metadata, spec, status } = object as PersistentVolume;
      const claim = spec?.claimRef;
      return [
        spec?.capacity?.["storage"] ?? "0",
        accessModesText(spec?.accessModes),
        spec?.persistentVolumeReclaimPolicy ?? "",
        metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
        claim === undefined ? "" : `${claim.namespace ?? ""}/${claim.name ?? ""}`,
        storageClassOf(metadata?.annotations, spec?.storageClassName),
        spec?.volumeAttributesClassName ?? "<unset>",
        status?.reason ?? "",
        spec?.volumeMode ?? "<unset>",
      ];
    },
    [wideColumn("VolumeMode")],
  ),
});
