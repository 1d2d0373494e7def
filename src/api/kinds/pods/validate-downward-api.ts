import { compareQuantities, parseQuantity, quantityOf } from "../../../lib/quantity.ts";
import { invalidFor, invalidValue, notSupported, required, when } from "../../field-error.ts";
import { labelKeyProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import type { EnvVar, Unchecked } from "../../types.ts";
import type { AnyVolume } from "./pod-rules.ts";
import { validateFileMode, validateVolumeFilePath } from "./validate-paths.ts";

type ValueFrom = NonNullable<Unchecked<EnvVar>["valueFrom"]>;
type FieldRef = NonNullable<ValueFrom["fieldRef"]>;
type ResourceRef = NonNullable<ValueFrom["resourceFieldRef"]>;

export const ENVIRONMENT_FIELDS = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];

const FILE_FIELDS = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/** Fields that have a name at all; which of them are of use depends on the place. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...ENVIRONMENT_FIELDS,
  ...FILE_FIELDS,
  "spec.restartPolicy",
  "spec.schedulerName",
  "status.phase",
]);

const RESOURCES = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];

/** `metadata.labels['key']` taken apart; the subscript is undefined without one. */
function splitSubscript(path: string): { readonly path: string; readonly subscript: string | undefined } {
  const match = /^(.+?)\['(.*)'\]$/su.exec(path);
  return match === null ? { path, subscript: undefined } : { path: match[1] ?? "", subscript: match[2] ?? "" };
}

export function validateFieldRef(
  reference: FieldRef,
  supported: readonly string[],
  field: string,
): readonly FieldError[] {
  const { apiVersion = "", fieldPath = "" } = reference;
  if (apiVersion === "") return [required(`${field}.apiVersion`)];
  if (fieldPath === "") return [required(`${field}.fieldPath`)];
  const unusable = (why: string): readonly FieldError[] => [
    invalidValue(`${field}.fieldPath`, fieldPath, `error converting fieldPath: ${why}`),
  ];
  if (apiVersion !== "v1") return unusable(`unsupported pod version: ${apiVersion}`);
  const { path, subscript } = splitSubscript(fieldPath === "spec.host" ? "spec.nodeName" : fieldPath);
  if (subscript !== undefined) {
    if (path === "metadata.annotations")
      return invalidFor(field, subscript.toLowerCase(), labelKeyProblems(subscript.toLowerCase()));
    if (path === "metadata.labels") return invalidFor(field, subscript, labelKeyProblems(subscript));
    return unusable(`field label does not support subscript: ${fieldPath}`);
  }
  if (!KNOWN_FIELDS.has(path)) return unusable(`field label not supported: ${path}`);
  return when(!supported.includes(path), notSupported(`${field}.fieldPath`, path, supported));
}

const LARGE_DIVISORS = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
const LARGE_TEXT = `only divisor's values ${LARGE_DIVISORS.join(", ")} are supported with the`;

/** The divisors a resource may be counted in, and what to say about any other. */
function divisorsOf(resource: string): readonly [readonly string[], string] | undefined {
  const name = resource.replace(/^(?:limits|requests)\./u, "");
  if (name === resource) return undefined;
  if (name === "cpu") return [["1m", "1"], "only divisor's values 1m and 1 are supported with the cpu resource"];
  if (name === "memory") return [LARGE_DIVISORS, `${LARGE_TEXT} memory resource`];
  if (name === "ephemeral-storage") return [LARGE_DIVISORS, `${LARGE_TEXT} local ephemeral storage resource`];
  return name.startsWith("hugepages-") ? [LARGE_DIVISORS, `${LARGE_TEXT} hugepages resource`] : undefined;
}

function divisorErrors({ resource = "", divisor = "0" }: ResourceRef, field: string): readonly FieldError[] {
  const parsed = parseQuantity(divisor);
  const allowed = divisorsOf(resource);
  if (!parsed.ok || parsed.value.nanos === 0n || allowed === undefined) return [];
  const [divisors, text] = allowed;
  const isAllowed = divisors.some(
    (known) => known === divisor && compareQuantities(quantityOf(known), parsed.value) === 0,
  );
  return when(!isAllowed, invalidValue(`${field}.divisor`, resource, text));
}

export function validateResourceRef(reference: ResourceRef, field: string, isFile: boolean): readonly FieldError[] {
  const { containerName = "", resource = "" } = reference;
  const isKnown = RESOURCES.includes(resource) || /^(?:limits|requests)\.hugepages-/u.test(resource);
  const own =
    isFile && containerName === ""
      ? [required(`${field}.containerName`)]
      : resource === ""
        ? [required(`${field}.resource`)]
        : when(!isKnown, notSupported(`${field}.resource`, resource, RESOURCES));
  return [...own, ...divisorErrors(reference, field)];
}

type DownwardFile = NonNullable<NonNullable<AnyVolume["downwardAPI"]>["items"]>[number];

export function validateDownwardApiFile(file: DownwardFile, field: string): readonly FieldError[] {
  const { path = "", fieldRef, resourceFieldRef, mode } = file;
  const source =
    fieldRef !== undefined
      ? [
          ...validateFieldRef(fieldRef, FILE_FIELDS, `${field}.fieldRef`),
          ...when(
            resourceFieldRef !== undefined,
            invalidValue(field, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"),
          ),
        ]
      : resourceFieldRef !== undefined
        ? validateResourceRef(resourceFieldRef, `${field}.resourceFieldRef`, true)
        : [required(field, "one of fieldRef and resourceFieldRef is required")];
  return [
    ...when(path === "", required(`${field}.path`)),
    ...validateVolumeFilePath(`${field}.path`, path),
    ...source,
    ...validateFileMode(`${field}.mode`, mode),
  ];
}
