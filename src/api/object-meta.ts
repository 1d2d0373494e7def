import { IMMUTABLE, NOT_NEGATIVE, forbiddenField, invalidFor, invalidValue, required, tooLong } from "./field-error.ts";
import { byteLength, dnsLabelProblems, labelKeyProblems, labelValueProblems } from "./names.ts";
import type { NameRule } from "./names.ts";
import { deepEqual } from "./schema/normalize.ts";
import type { FieldError } from "./status-error.ts";
import type { ObjectMeta, OwnerReference } from "./types.ts";

/** In bytes. */
const ANNOTATIONS_LIMIT = 256 * 1024;
const MANAGER_LIMIT = 128;
const SUBRESOURCE_LIMIT = 256;

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, field: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...invalidFor(field, key, labelKeyProblems(key)),
    ...invalidFor(field, value, labelValueProblems(value)),
  ]);
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  field: string,
): FieldError[] {
  return [
    ...Object.keys(annotations ?? {}).flatMap((key) => invalidFor(field, key, labelKeyProblems(key.toLowerCase()))),
    ...annotationSizeErrors(annotations ?? {}, field),
  ];
}

/** Keys and values of all annotations together are limited. */
export function annotationSizeErrors(annotations: Readonly<Record<string, string>>, field: string): FieldError[] {
  const entries = Object.entries(annotations);
  const size = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  return size > ANNOTATIONS_LIMIT ? [tooLong(field, ANNOTATIONS_LIMIT)] : [];
}

function validateOwnerReference(reference: OwnerReference, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const apiVersion = reference.apiVersion ?? "";
  if (apiVersion === "" || apiVersion.endsWith("/") || apiVersion.split("/").length > 2) {
    errors.push(invalidValue(`${field}.apiVersion`, apiVersion, "version must not be empty"));
  }
  for (const name of ["kind", "name", "uid"] as const) {
    if ((reference[name] ?? "") === "") errors.push(invalidValue(`${field}.${name}`, "", "must not be empty"));
  }
  if (apiVersion === "v1" && reference.kind === "Event") {
    errors.push(invalidValue(field, reference, "/v1, Kind=Event is disallowed from being an owner"));
  }
  return errors;
}

function validateOwnerReferences(references: readonly OwnerReference[] | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  let controller: string | undefined;
  for (const reference of references ?? []) {
    errors.push(...validateOwnerReference(reference, field));
    if (reference.controller !== true) continue;
    const name = `${reference.kind}/${reference.name}`;
    if (controller === undefined) controller = name;
    else {
      const text = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      errors.push(invalidValue(field, references, text));
    }
  }
  return errors;
}

function validateFinalizers(finalizers: readonly string[] | undefined, field: string): FieldError[] {
  const all = finalizers ?? [];
  const isContradiction = all.includes("orphan") && all.includes("foregroundDeletion");
  return [
    ...all.flatMap((finalizer) => invalidFor(field, finalizer, labelKeyProblems(finalizer))),
    ...(isContradiction
      ? [invalidValue(field, all, "finalizer orphan and foregroundDeletion cannot be both set")]
      : []),
  ];
}

const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

/** Who waits must be known: a finalizer is a standard one, or qualified by its owner's domain. */
function unknownFinalizerErrors(finalizers: readonly string[] | undefined, field: string): FieldError[] {
  const text = "name is neither a standard finalizer name nor is it fully qualified";
  return (finalizers ?? []).flatMap((name, index) =>
    name.includes("/") || STANDARD_FINALIZERS.has(name) ? [] : [invalidValue(`${field}[${index}]`, name, text)],
  );
}

/** A field manager's name: at most 128 bytes, printable. */
export function validateFieldManager(manager: string, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (byteLength(manager) > MANAGER_LIMIT) errors.push(tooLong(field, MANAGER_LIMIT));
  let position = 0;
  for (const character of manager) {
    if (!/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      errors.push(invalidValue(field, manager, `invalid character U+${code} (at position ${position})`));
    }
    position += byteLength(character);
  }
  return errors;
}

function validateManagedFields(entries: ObjectMeta["managedFields"], field: string): FieldError[] {
  return (entries ?? []).flatMap((entry, index) => {
    const at = `${field}[${index}]`;
    const errors: FieldError[] = [];
    if (entry.operation !== "Apply" && entry.operation !== "Update") {
      errors.push(invalidValue(`${at}.operation`, entry.operation ?? "", "must be `Apply` or `Update`"));
    }
    const type = entry.fieldsType ?? "";
    if (type !== "" && type !== "FieldsV1") errors.push(invalidValue(`${at}.fieldsType`, type, "must be `FieldsV1`"));
    errors.push(...validateFieldManager(entry.manager ?? "", `${at}.manager`));
    if (byteLength(entry.subresource ?? "") > SUBRESOURCE_LIMIT) {
      errors.push(tooLong(`${at}.subresource`, SUBRESOURCE_LIMIT));
    }
    return errors;
  });
}

/** A prefix for generated names may end in a dash. */
function withoutTrailingDash(prefix: string): string {
  return prefix.length > 1 && prefix.endsWith("-") ? `${prefix.slice(0, -2)}a` : prefix;
}

export interface ObjectMetaRules {
  readonly namespaced: boolean;
  readonly validateName: NameRule;
}

/** Checks metadata at creation, when a name has been generated already. @param field @default "metadata" */
export function validateObjectMeta(
  metadata: ObjectMeta | undefined,
  rules: ObjectMetaRules,
  field = "metadata",
): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { generateName = "", name = "", namespace = "", generation = 0 } = metadata ?? {};
  if (generateName !== "") {
    const problems = rules.validateName(withoutTrailingDash(generateName));
    errors.push(...invalidFor(`${field}.generateName`, generateName, problems));
  }
  if (name === "") errors.push(required(`${field}.name`, "name or generateName is required"));
  else errors.push(...invalidFor(`${field}.name`, name, rules.validateName(name)));
  if (!rules.namespaced) {
    if (namespace !== "") errors.push(forbiddenField(`${field}.namespace`, "not allowed on this type"));
  } else if (namespace === "") errors.push(required(`${field}.namespace`));
  else errors.push(...invalidFor(`${field}.namespace`, namespace, dnsLabelProblems(namespace)));
  if (generation < 0) errors.push(invalidValue(`${field}.generation`, generation, NOT_NEGATIVE));
  return [
    ...errors,
    ...validateLabels(metadata?.labels, `${field}.labels`),
    ...validateAnnotations(metadata?.annotations, `${field}.annotations`),
    ...validateOwnerReferences(metadata?.ownerReferences, `${field}.ownerReferences`),
    ...validateFinalizers(metadata?.finalizers, `${field}.finalizers`),
    ...validateManagedFields(metadata?.managedFields, `${field}.managedFields`),
    ...unknownFinalizerErrors(metadata?.finalizers, `${field}.finalizers`),
  ];
}

const IMMUTABLE_FIELDS = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** Go prints a list of strings so in this one text. */
function goStrings(values: readonly string[]): string {
  return `[]string{${values.map((value) => JSON.stringify(value)).join(", ")}}`;
}

/** Checks metadata at an update. @param field @default "metadata" */
export function validateObjectMetaUpdate(
  metadata: ObjectMeta | undefined,
  old: ObjectMeta | undefined,
  field = "metadata",
): readonly FieldError[] {
  const errors: FieldError[] = [];
  const added = [...new Set(metadata?.finalizers ?? [])].filter((entry) => old?.finalizers?.includes(entry) !== true);
  if (old?.deletionTimestamp !== undefined && added.length > 0) {
    const text = `no new finalizers can be added if the object is being deleted, found new finalizers ${goStrings(added.sort())}`;
    errors.push(forbiddenField(`${field}.finalizers`, text));
  }
  if ((metadata?.resourceVersion ?? "") === "") {
    errors.push(invalidValue(`${field}.resourceVersion`, "", "must be specified for an update"));
  }
  if ((metadata?.generation ?? 0) < (old?.generation ?? 0)) {
    errors.push(invalidValue(`${field}.generation`, metadata?.generation ?? 0, "must not be decremented"));
  }
  for (const name of IMMUTABLE_FIELDS) {
    if (!deepEqual(metadata?.[name], old?.[name])) {
      const isText = name === "name" || name === "namespace" || name === "uid";
      errors.push(invalidValue(`${field}.${name}`, metadata?.[name] ?? (isText ? "" : undefined), IMMUTABLE));
    }
  }
  return [
    ...errors,
    ...validateLabels(metadata?.labels, `${field}.labels`),
    ...validateAnnotations(metadata?.annotations, `${field}.annotations`),
    ...validateOwnerReferences(metadata?.ownerReferences, `${field}.ownerReferences`),
    ...validateManagedFields(metadata?.managedFields, `${field}.managedFields`),
    ...unknownFinalizerErrors(metadata?.finalizers, `${field}.finalizers`),
  ];
}
