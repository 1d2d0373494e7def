import {
  IMMUTABLE,
  NOT_NEGATIVE,
  duplicate,
  forbiddenField,
  invalidFor,
  invalidValue,
  notSupported,
  optionalOneOf,
  required,
  tooLong,
  when,
} from "../../field-error.ts";
import { hasInvalidLabelValue, validateLabelSelector } from "../../label-selector-rules.ts";
import { byteLength, dnsSubdomainProblems, labelKeyProblems, rangeProblem } from "../../names.ts";
import { deepEqual, normalize } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type {
  CSIStorageCapacity,
  KubernetesObject,
  StorageClass,
  Unchecked,
  VolumeAttachment,
  VolumeAttributesClass,
} from "../../types.ts";
import { validateInlineVolumeSpec } from "../volumes/validate-persistent-volume.ts";
import { validateCsiDriverName } from "./csi-driver-name.ts";

type Texts = Readonly<Record<string, string>>;
type Topologies = NonNullable<Unchecked<StorageClass>["allowedTopologies"]>;

const MOST_PARAMETERS = 512;
const LARGEST_MAP = 256 * 1024;
const LONGEST_MESSAGE = 1024;

function sizeOf(texts: Texts): number {
  return Object.entries(texts).reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
}

function parameterErrors(parameters: Texts, field: string): readonly FieldError[] {
  if (Object.keys(parameters).length > MOST_PARAMETERS) return [tooLong(field, MOST_PARAMETERS)];
  return [
    ...when(Object.hasOwn(parameters, ""), invalidValue(field, "", "field can not be empty.")),
    ...when(sizeOf(parameters) > LARGEST_MAP, tooLong(field, LARGEST_MAP)),
  ];
}

/** A term as text that is the same for the same demands in another order. */
function meaningOf({ matchLabelExpressions = [] }: Topologies[number]): string {
  const demands = matchLabelExpressions.map(({ key = "", values = [] }) => [key, [...new Set(values)].toSorted()]);
  return JSON.stringify(demands.map((demand) => JSON.stringify(demand)).toSorted());
}

function topologyErrors(topologies: Topologies, field: string): readonly FieldError[] {
  const meanings = topologies.map(meaningOf);
  return topologies.flatMap((term, i) => {
    const expressions = term.matchLabelExpressions ?? [];
    const at = `${field}[${i}].matchLabelExpressions`;
    // A term that demands nothing is told as a duplicate too, as upstream does.
    const isTwice = expressions.length === 0 || meanings.indexOf(meanings[i] ?? "") < i;
    return [
      ...expressions.flatMap(({ key = "", values = [] }, j) => {
        const list = values as readonly string[];
        return [
          ...when(list.length === 0, required(`${at}[${j}].values`)),
          ...list.flatMap((value, k) => when(list.indexOf(value) < k, duplicate(`${at}[${j}].values[${k}]`, value))),
          ...invalidFor(`${at}[${j}].key`, key, labelKeyProblems(key)),
          ...when(
            expressions.slice(0, j).some((other) => other.key === key),
            duplicate(`${at}[${j}].key`, key),
          ),
        ];
      }),
      ...when(isTwice, duplicate(at, "")),
    ];
  });
}

function provisionerErrors(provisioner: string, field: string): readonly FieldError[] {
  const name = provisioner.toLowerCase();
  return provisioner === "" ? [required(field)] : invalidFor(field, name, labelKeyProblems(name));
}

export function validateStorageClass(object: KubernetesObject): readonly FieldError[] {
  const {
    provisioner = "",
    parameters,
    reclaimPolicy,
    volumeBindingMode,
    allowedTopologies = [],
  } = object as Unchecked<StorageClass>;
  const modes = ["Immediate", "WaitForFirstConsumer"];
  return [
    ...provisionerErrors(provisioner, "provisioner"),
    ...parameterErrors((parameters ?? {}) as Texts, "parameters"),
    ...optionalOneOf("reclaimPolicy", reclaimPolicy, ["Delete", "Retain"]),
    ...(volumeBindingMode === undefined
      ? [required("volumeBindingMode")]
      : when(!modes.includes(volumeBindingMode), notSupported("volumeBindingMode", volumeBindingMode, modes))),
    ...topologyErrors(allowedTopologies, "allowedTopologies"),
  ];
}

const FIXED_FIELDS = ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] as const;

export function validateStorageClassUpdate(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  return [
    ...validateStorageClass(object),
    ...FIXED_FIELDS.flatMap((field) =>
      when(!deepEqual(object[field], old[field]), invalidValue(field, object[field], IMMUTABLE)),
    ),
  ];
}

export function validateAttributesClass(object: KubernetesObject): readonly FieldError[] {
  const { driverName = "", parameters = {} } = object as Unchecked<VolumeAttributesClass>;
  return [
    ...provisionerErrors(driverName, "driverName"),
    ...parameterErrors(parameters as Texts, "parameters"),
    ...when(Object.keys(parameters).length === 0, required("parameters", "must contain at least one key/value pair")),
  ];
}

export function validateAttributesClassUpdate(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  return [
    ...["driverName", "parameters"].flatMap((field) =>
      when(!deepEqual(object[field], old[field]), forbiddenField(field, `updates to ${field} are forbidden.`)),
    ),
    ...validateAttributesClass(object),
  ];
}

type Source = NonNullable<NonNullable<Unchecked<VolumeAttachment>["spec"]>["source"]>;

function sourceErrors({ inlineVolumeSpec: inline, persistentVolumeName: name }: Source): readonly FieldError[] {
  const field = "spec.source";
  const text = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (inline !== undefined && name !== undefined) return [forbiddenField(field, text)];
  if (inline !== undefined) return validateInlineVolumeSpec(inline, `${field}.inlineVolumeSpec`);
  if (name === undefined) return [required(field, text)];
  const at = `${field}.persistentVolumeName`;
  return [
    ...when(name === "", required(at, "must specify non empty persistentVolumeName")),
    ...invalidFor(at, name, dnsSubdomainProblems(name)),
  ];
}

type Status = NonNullable<Unchecked<VolumeAttachment>["status"]>;

function errorErrors(error: Status["attachError"], field: string): readonly FieldError[] {
  const code = error?.errorCode ?? 0;
  return [
    ...when(byteLength(error?.message ?? "") > LONGEST_MESSAGE, tooLong(`${field}.message`, LARGEST_MAP)),
    ...when(code < 0, invalidValue(`${field}.errorCode`, code, rangeProblem(0, 2 ** 31 - 1))),
  ];
}

export function validateVolumeAttachment(object: KubernetesObject): readonly FieldError[] {
  const { spec = {}, status = {} } = object as Unchecked<VolumeAttachment>;
  const metadata = (status.attachmentMetadata ?? {}) as Texts;
  const nodeName = spec.nodeName ?? "";
  return [
    ...validateCsiDriverName("spec.attacher", spec.attacher),
    ...sourceErrors(spec.source ?? {}),
    ...invalidFor("spec.nodeName", nodeName, dnsSubdomainProblems(nodeName)),
    ...when(sizeOf(metadata) > LARGEST_MAP, tooLong("status.attachmentMetadata", LARGEST_MAP)),
    ...errorErrors(status.attachError, "status.attachError"),
    ...errorErrors(status.detachError, "status.detachError"),
  ];
}

export function validateVolumeAttachmentUpdate(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  const [left, right] = [object, old].map((entry) => normalize("V1VolumeAttachment", entry)["spec"]);
  return [
    ...validateVolumeAttachment(object),
    ...when(!deepEqual(left, right), invalidValue("spec", object["spec"], IMMUTABLE)),
  ];
}

export function validateStorageCapacity(object: KubernetesObject, old?: KubernetesObject): readonly FieldError[] {
  const { nodeTopology, storageClassName = "", capacity } = object as Unchecked<CSIStorageCapacity>;
  const before = (old as Unchecked<CSIStorageCapacity> | undefined)?.nodeTopology;
  return [
    ...validateLabelSelector(nodeTopology, "nodeTopology", hasInvalidLabelValue(before)),
    ...invalidFor("storageClassName", storageClassName, dnsSubdomainProblems(storageClassName)),
    ...when(capacity?.startsWith("-") === true, invalidValue("capacity", capacity, NOT_NEGATIVE)),
  ];
}

export function validateStorageCapacityUpdate(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  return [
    ...validateStorageCapacity(object, old),
    ...["nodeTopology", "storageClassName"].flatMap((field) =>
      when(!deepEqual(object[field], old[field]), invalidValue(field, object[field], IMMUTABLE)),
    ),
  ];
}
