import type { KubernetesObject, PersistentVolume } from "../../types.ts";
import { secondsText } from "../../rfc3339.ts";
import { defineKind } from "../define-kind.ts";
import type { KindContext } from "../definition.ts";
import { changeField, dropUnlessUsed, fill } from "../fill.ts";
import { roundToMilli } from "../round-amounts.ts";
import { column, tableWithAge, wideColumn } from "../table.ts";
import { accessModesText, storageClassOf } from "./access-modes.ts";
import { validatePersistentVolume, validatePersistentVolumeUpdate } from "../volumes/validate-persistent-volume.ts";
import { SOURCE_DEFAULTS } from "../volumes/source-defaults.ts";
import { persistentVolumeWarnings } from "../object-warnings.ts";

type Spec = NonNullable<PersistentVolume["spec"]>;

function defaultSources(spec: Spec): Spec {
  let next = changeField(spec, "hostPath", SOURCE_DEFAULTS.hostPath);
  next = changeField(next, "iscsi", SOURCE_DEFAULTS.iscsi);
  next = changeField(next, "rbd", SOURCE_DEFAULTS.rbd);
  next = changeField(next, "scaleIO", SOURCE_DEFAULTS.scaleIO);
  return changeField(next, "azureDisk", SOURCE_DEFAULTS.azureDisk);
}

function defaultVolume(object: KubernetesObject): KubernetesObject {
  const { spec, status } = object as PersistentVolume;
  return {
    ...object,
    spec: {
      volumeMode: "Filesystem",
      ...fill(changeField(defaultSources(spec ?? {}), "capacity", roundToMilli), {
        persistentVolumeReclaimPolicy: "Retain",
      }),
    },
    status: fill(status ?? {}, { phase: "Pending" }),
  };
}

function dropDisabled(
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  { gates }: KindContext,
): KubernetesObject {
  const enabled = { volumeAttributesClassName: gates.enabled("VolumeAttributesClass") };
  return changeField(object as PersistentVolume, "spec", (spec) =>
    dropUnlessUsed(spec, (old as PersistentVolume | undefined)?.spec, enabled),
  ) as KubernetesObject;
}

export const persistentVolumeKind = defineKind({
  group: "",
  version: "v1",
  kind: "PersistentVolume",
  resource: "persistentvolumes",
  namespaced: false,
  shortNames: ["pv"],
  hasStatus: true,
  applyDefaults: defaultVolume,
  prepareForCreate: (object, context) => ({
    ...dropDisabled(object, undefined, context),
    status: { phase: "Pending", lastPhaseTransitionTime: secondsText(context.now) },
  }),
  prepareForUpdate: dropDisabled,
  prepareForStatusUpdate: (object, old, context) => {
    const { status } = object as PersistentVolume;
    const before = (old as PersistentVolume).status;
    const changedAt = status?.lastPhaseTransitionTime;
    const isPhaseNew = status?.phase !== before?.phase;
    if (isPhaseNew && (changedAt === undefined || changedAt === before?.lastPhaseTransitionTime)) {
      return { ...object, status: { ...status, lastPhaseTransitionTime: secondsText(context.now) } };
    }
    if (isPhaseNew || changedAt !== undefined || before?.lastPhaseTransitionTime === undefined) return object;
    return { ...object, status: { ...status, lastPhaseTransitionTime: before.lastPhaseTransitionTime } };
  },
  validateCreate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
  warnings: persistentVolumeWarnings,
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
