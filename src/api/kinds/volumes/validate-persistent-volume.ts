import { parseQuantity } from "../../../lib/quantity.ts";
import {
  IMMUTABLE,
  NOT_POSITIVE,
  forbiddenField,
  invalidValue,
  notSupported,
  optionalName,
  optionalOneOf,
  required,
  requiredName,
  when,
} from "../../field-error.ts";
import { byteLength, dnsLabelProblems, dnsSubdomainProblems, labelValueProblems } from "../../names.ts";
import { deepEqual, normalize } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, PersistentVolume, Unchecked } from "../../types.ts";
import { unifiedDiff } from "../../unified-diff.ts";
import { newNameOfLabel } from "../deprecated-labels.ts";
import type { KindContext } from "../definition.ts";
import { VOLUME_MODES, validateAccessModes } from "../core/access-mode-rules.ts";
import { without } from "../fill.ts";
import { validateNodeSelector } from "../pods/validate-affinity.ts";
import { validateNoBacksteps } from "../pods/validate-paths.ts";
import { validateCsiDriverName } from "../storage/csi-driver-name.ts";
import { attributesClassGateErrors } from "./attributes-class-gate.ts";
import { hostPathTypeErrors } from "./host-path-type.ts";
import { negativeAmountErrors } from "./negative-amount.ts";
import { validateStorageSystem } from "./storage-systems.ts";
import type { Source } from "./storage-systems.ts";

type Spec = NonNullable<Unchecked<PersistentVolume>["spec"]>;
type Csi = NonNullable<Spec["csi"]>;

const SECRETS = [
  "controllerPublishSecretRef",
  "controllerExpandSecretRef",
  "nodePublishSecretRef",
  "nodeExpandSecretRef",
] as const;

function csiErrors(csi: Csi, field: string): readonly FieldError[] {
  return [
    ...validateCsiDriverName(`${field}.driver`, csi.driver),
    ...when((csi.volumeHandle ?? "") === "", required(`${field}.volumeHandle`)),
    ...SECRETS.flatMap((name) => {
      const reference = csi[name];
      if (reference === undefined) return [];
      return [
        ...requiredName(`${field}.${name}.name`, reference.name, dnsSubdomainProblems),
        ...requiredName(`${field}.${name}.namespace`, reference.namespace, dnsLabelProblems),
      ];
    }),
  ];
}

/** In upstream's order: of several the first is the volume, the others are too many. */
const SOURCES: readonly (keyof Spec)[] = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "flocker",
  "nfs",
  "rbd",
  "quobyte",
  "cephfs",
  "iscsi",
  "cinder",
  "fc",
  "flexVolume",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "scaleIO",
  "local",
  "storageos",
  "csi",
];

function sourceErrors(type: keyof Spec, spec: Spec, field: string): readonly FieldError[] {
  const at = `${field}.${type === "gcePersistentDisk" ? "persistentDisk" : type}`;
  if (type === "csi") return csiErrors(spec.csi ?? {}, at);
  if (type !== "hostPath" && type !== "local") return validateStorageSystem(type, spec[type] as Source, at, true);
  const { path = "" } = spec[type] ?? {};
  const affinity = when(
    type === "local" && spec.nodeAffinity === undefined,
    required(`${field}.nodeAffinity`, "Local volume requires node affinity"),
  );
  if (path === "") return [required(`${at}.path`), ...affinity];
  return [
    ...validateNoBacksteps(`${at}.path`, path),
    ...(type === "hostPath" ? hostPathTypeErrors(spec.hostPath?.type, `${at}.type`) : []),
    ...affinity,
  ];
}

function sourcesErrors(spec: Spec, field: string, name: string): readonly FieldError[] {
  const given = SOURCES.filter((type) => spec[type] !== undefined);
  const [first] = given;
  if (first === undefined) return [required(field, "must specify a volume type")];
  const portal = spec.iscsi?.targetPortal ?? "";
  const isTooLong = spec.iscsi?.initiatorName !== undefined && byteLength(`${name}:${portal}`) > 64;
  const text =
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
  return [
    ...sourceErrors(first, spec, field),
    ...when(isTooLong, invalidValue(`${field}.iscsi.targetportal`, portal, text)),
    ...given.slice(1).map((type) => forbiddenField(`${field}.${type}`, "may not specify more than 1 volume type")),
  ];
}

function capacityErrors(given: Readonly<Record<string, string>> | undefined, field: string): readonly FieldError[] {
  const capacity = given ?? {};
  const names = Object.keys(capacity);
  const isStorageOnly = names.length === 1 && names[0] === "storage";
  return [
    ...when(names.length === 0, required(field)),
    ...when(!isStorageOnly, notSupported(field, given ?? null, ["storage"])),
    ...Object.entries(capacity).flatMap(([name, amount]) => {
      const parsed = parseQuantity(amount);
      const at = `${field}[${name}]`;
      return [
        ...negativeAmountErrors(amount, at),
        ...when(parsed.ok && parsed.value.nanos <= 0n, invalidValue(at, amount, NOT_POSITIVE)),
      ];
    }),
  ];
}

function affinityErrors(spec: Spec, field: string, isLenient: boolean): readonly FieldError[] {
  if (spec.nodeAffinity === undefined) return [];
  const { required: selector } = spec.nodeAffinity;
  if (selector === undefined) return [required(`${field}.required`, "must specify required node constraints")];
  return validateNodeSelector(selector, `${field}.required`, isLenient);
}

function hasInvalidValue(spec: Spec | undefined): boolean {
  return (spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []).some((term) =>
    (term.matchExpressions ?? []).some((requirement) =>
      ((requirement.values ?? []) as readonly string[]).some((value) => labelValueProblems(value).length > 0),
    ),
  );
}

function classErrors(spec: Spec, field: string): readonly FieldError[] {
  const { volumeAttributesClassName: name } = spec;
  if (name === undefined) return [];
  const at = `${field}.volumeAttributesClassName`;
  return [
    ...(name === "" ? [required(at, "an empty string is disallowed")] : optionalName(at, name, dnsSubdomainProblems)),
    ...when(
      spec.csi === undefined,
      required(`${field}.csi`, "has to be specified when using volumeAttributesClassName"),
    ),
  ];
}

/** Whether an absolute path ends at "/" once its dots are followed. */
function isRootPath(path: string): boolean {
  if (!path.startsWith("/")) return false;
  let depth = 0;
  for (const part of path.split("/")) {
    if (part === "..") depth = Math.max(0, depth - 1);
    else if (part !== "" && part !== ".") depth += 1;
  }
  return depth === 0;
}

/** Whether an affinity is what it was, but for labels that were beta and go by their new names now. */
function isSameAffinity(affinity: Spec["nodeAffinity"], old: Spec["nodeAffinity"]): boolean {
  const [terms, before] = [affinity, old].map((one) => one?.required?.nodeSelectorTerms ?? []);
  const renamed = before?.map((term, at) => ({
    ...term,
    ...(term.matchExpressions !== undefined && {
      matchExpressions: term.matchExpressions.map((requirement, index) => {
        const key = terms?.[at]?.matchExpressions?.[index]?.key;
        const isRenamed = key !== undefined && newNameOfLabel(requirement.key ?? "") === key;
        return isRenamed ? { ...requirement, key } : requirement;
      }),
    }),
  }));
  const required = old?.required;
  return deepEqual(
    affinity,
    required === undefined ? old : { ...old, required: { ...required, nodeSelectorTerms: renamed } },
  );
}

function specErrors(spec: Spec, name: string, old: Spec | undefined): readonly FieldError[] {
  const field = "spec";
  const modes = (spec.accessModes ?? []) as readonly string[];
  const policy = spec.persistentVolumeReclaimPolicy;
  const isRoot = isRootPath(spec.hostPath?.path ?? "");
  return [
    ...when(modes.length === 0, required(`${field}.accessModes`)),
    ...validateAccessModes(`${field}.accessModes`, modes),
    ...capacityErrors(spec.capacity as Readonly<Record<string, string>> | undefined, `${field}.capacity`),
    ...optionalOneOf(`${field}.persistentVolumeReclaimPolicy`, policy, ["Delete", "Recycle", "Retain"]),
    ...affinityErrors(spec, `${field}.nodeAffinity`, hasInvalidValue(old)),
    ...sourcesErrors(spec, field, name),
    ...when(
      isRoot && policy === "Recycle",
      forbiddenField(`${field}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'"),
    ),
    ...optionalName(`${field}.storageClassName`, spec.storageClassName, dnsSubdomainProblems),
    ...optionalOneOf(`${field}.volumeMode`, spec.volumeMode, VOLUME_MODES),
    ...classErrors(spec, field),
  ];
}

/** Types for which the old annotation may hold mount options. */
const WITH_MOUNT_OPTIONS = [
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "nfs",
  "rbd",
  "quobyte",
  "iscsi",
  "cinder",
  "cephfs",
  "azureFile",
  "vsphereVolume",
  "azureDisk",
  "photonPersistentDisk",
] as const satisfies readonly (keyof Spec)[];
const MOUNT_OPTIONS_ANNOTATION = "volume.beta.kubernetes.io/mount-options";

function annotationErrors({ metadata, spec }: Unchecked<PersistentVolume>): readonly FieldError[] {
  return when(
    metadata?.annotations?.[MOUNT_OPTIONS_ANNOTATION] !== undefined &&
      !WITH_MOUNT_OPTIONS.some((type) => spec?.[type] !== undefined),
    forbiddenField(
      `metadata.annotations.${MOUNT_OPTIONS_ANNOTATION}`,
      "may not specify mount options for this volume type",
    ),
  );
}

export function validatePersistentVolume(object: KubernetesObject): readonly FieldError[] {
  const volume = object as Unchecked<PersistentVolume>;
  return [...specErrors(volume.spec ?? {}, volume.metadata?.name ?? "", undefined), ...annotationErrors(volume)];
}

/** A volume attached without a claim: `spec.source.inlineVolumeSpec` of a VolumeAttachment. */
export function validateInlineVolumeSpec(spec: Spec, field: string): readonly FieldError[] {
  const text = "may not be specified in the context of inline volumes";
  const modes = (spec.accessModes ?? []) as readonly string[];
  const refused = (["claimRef", "capacity", "nodeAffinity", "storageClassName"] as const).filter(
    (name) => spec[name] !== undefined,
  );
  return [
    ...refused.map((name) => forbiddenField(`${field}.${name}`, text)),
    ...when(spec.csi === undefined, required(`${field}.csi`, "has to be specified in the context of inline volumes")),
    ...when(modes.length === 0, required(`${field}.accessModes`)),
    ...validateAccessModes(`${field}.accessModes`, modes),
    ...sourcesErrors(spec, field, ""),
  ];
}

/** The source of a volume is fixed; only a missing expansion secret may be added. */
export function validatePersistentVolumeUpdate(
  object: KubernetesObject,
  oldObject: KubernetesObject,
  { gates }: KindContext,
): readonly FieldError[] {
  const [volume, before] = [object, oldObject].map((entry) => entry as Unchecked<PersistentVolume>);
  const [spec, old] = [volume?.spec ?? {}, before?.spec ?? {}];
  const isSecretAdded = old.csi !== undefined && old.csi.controllerExpandSecretRef === undefined;
  const sourceOf = (from: Spec): object => {
    const csi = isSecretAdded && from.csi !== undefined ? without(from.csi, "controllerExpandSecretRef") : from.csi;
    const source = Object.fromEntries(SOURCES.map((type) => [type, from[type]]));
    return normalize("V1PersistentVolumeSpec", { ...source, csi });
  };
  const [left, right] = [sourceOf(old), sourceOf(spec)];
  const text = `spec.persistentvolumesource is immutable after creation\n${unifiedDiff(left, right)}`;
  const isAffinityChanged =
    old.nodeAffinity !== undefined &&
    !gates.enabled("MutablePVNodeAffinity") &&
    !isSameAffinity(spec.nodeAffinity, old.nodeAffinity);
  return [
    ...specErrors(spec, volume?.metadata?.name ?? "", old),
    ...when(!deepEqual(left, right), forbiddenField("spec.persistentvolumesource", text)),
    ...when(spec.volumeMode !== old.volumeMode, invalidValue("volumeMode", spec.volumeMode, IMMUTABLE)),
    ...when(
      isAffinityChanged,
      invalidValue("nodeAffinity", spec.nodeAffinity, `${IMMUTABLE}, except for updating from beta label to GA`),
    ),
    ...attributesClassGateErrors(spec, old, gates),
    ...when(
      old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined,
      forbiddenField("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"),
    ),
    ...annotationErrors(volume ?? {}),
  ];
}
