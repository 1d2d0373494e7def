import type { KubernetesObject, PersistentVolumeClaim, Unchecked } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import type { KindContext } from "../definition.ts";
import { changeField, dropUnlessUsed, fill, without } from "../fill.ts";
import { roundToMilli } from "../round-amounts.ts";
import { column, tableWithAge, wideColumn } from "../table.ts";
import { accessModesText, storageClassOf } from "./access-modes.ts";
import { validateClaimStatus, validateClaimUpdate } from "./validate-claim-update.ts";
import { validateClaimSpec } from "./validate-claim.ts";
import { persistentVolumeClaimWarnings } from "../object-warnings.ts";

function defaultClaim(object: KubernetesObject): KubernetesObject {
  const { spec, status } = object as PersistentVolumeClaim;
  return {
    ...object,
    spec: changeField({ volumeMode: "Filesystem", ...spec }, "resources", (resources) =>
      changeField(changeField(resources, "limits", roundToMilli), "requests", roundToMilli),
    ),
    status: changeField(fill(status ?? {}, { phase: "Pending" }), "capacity", roundToMilli),
  };
}

type ClaimSpec = NonNullable<PersistentVolumeClaim["spec"]>;

function isClaimOrSnapshot({ kind, apiGroup = "" }: NonNullable<ClaimSpec["dataSource"]>): boolean {
  return apiGroup === ""
    ? kind === "PersistentVolumeClaim"
    : apiGroup === "snapshot.storage.k8s.io" && kind === "VolumeSnapshot";
}

/** Before dataSourceRef came, sources of unknown kinds were ignored; clients that do not know it still expect that. */
function dropDisabled(
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  { gates }: KindContext,
): KubernetesObject {
  const before = (old as PersistentVolumeClaim | undefined)?.spec;
  return changeField(object as PersistentVolumeClaim, "spec", (given) => {
    const isElsewhere = (given.dataSourceRef?.namespace ?? "") !== "";
    const spec = dropUnlessUsed(given, before, {
      volumeAttributesClassName: gates.enabled("VolumeAttributesClass"),
      ...(isElsewhere && { dataSourceRef: gates.enabled("CrossNamespaceVolumeDataSource") }),
    });
    const { dataSource, dataSourceRef } = spec;
    const hadSource = before?.dataSource !== undefined || before?.dataSourceRef !== undefined;
    if (hadSource || dataSourceRef !== undefined || dataSource === undefined) return spec;
    return isClaimOrSnapshot(dataSource) ? spec : without(spec, "dataSource");
  }) as KubernetesObject;
}

function dropDisabledOfStatus(
  object: KubernetesObject,
  old: KubernetesObject,
  { gates }: KindContext,
): KubernetesObject {
  const [isRecovered, hasClasses] = [
    gates.enabled("RecoverVolumeExpansionFailure"),
    gates.enabled("VolumeAttributesClass"),
  ];
  const enabled = {
    allocatedResources: isRecovered,
    allocatedResourceStatuses: isRecovered,
    currentVolumeAttributesClassName: hasClasses,
    modifyVolumeStatus: hasClasses,
  };
  return changeField(object as PersistentVolumeClaim, "status", (status) =>
    dropUnlessUsed(status, (old as PersistentVolumeClaim).status, enabled),
  ) as KubernetesObject;
}

/** dataSource and dataSourceRef say the same unless a namespace is named. */
function withBothDataSources(object: KubernetesObject): KubernetesObject {
  const { spec } = object as PersistentVolumeClaim;
  if (spec?.dataSource !== undefined && spec.dataSourceRef === undefined) {
    return { ...object, spec: { ...spec, dataSourceRef: spec.dataSource } };
  }
  const reference = spec?.dataSourceRef;
  if (spec === undefined || spec.dataSource !== undefined || reference === undefined) return object;
  if ((reference.namespace ?? "") !== "") return object;
  return { ...object, spec: { ...spec, dataSource: reference } };
}

export const persistentVolumeClaimKind = defineKind({
  group: "",
  version: "v1",
  kind: "PersistentVolumeClaim",
  resource: "persistentvolumeclaims",
  namespaced: true,
  shortNames: ["pvc"],
  hasStatus: true,
  applyDefaults: defaultClaim,
  prepareForCreate: (object, context) =>
    withBothDataSources(dropDisabled({ ...object, status: { phase: "Pending" } }, undefined, context)),
  prepareForUpdate: (object, old, context) => withBothDataSources(dropDisabled(object, old, context)),
  prepareForStatusUpdate: dropDisabledOfStatus,
  validateCreate: (object) => validateClaimSpec((object as Unchecked<PersistentVolumeClaim>).spec ?? {}, "spec"),
  validateUpdate: validateClaimUpdate,
  validateStatusUpdate: validateClaimStatus,
  warnings: persistentVolumeClaimWarnings,
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
