import { child, forbiddenField, IMMUTABLE, invalidFor, invalidValue, NOT_NEGATIVE, required, tooLong } from "../../api/field-error.ts";
import { byteLength, dnsLabelProblems, labelKeyProblems, labelValueProblems, pathSegmentProblems } from "../../api/names.ts";
import type { NameRule } from "../../api/names.ts";
import type { FieldError } from "../../api/status-error.ts";
import type { ObjectMeta, OwnerReference } from "../../api/types.ts";

const ROOT = "metadata";
const MAX_ANNOTATION_BYTES = 256 * 1024;
export const ORPHAN_FINALIZER = "orphan";
export const FOREGROUND_FINALIZER = "foregroundDeletion";

/** Problems of the metadata of an object about to be created, its name already generated. */
export function metadataProblems(metadata: ObjectMeta, namespaced: boolean, nameRule: NameRule): readonly FieldError[] {
  return [...nameProblems(metadata, nameRule), ...commonProblems(metadata, namespaced)];
}

/** Problems of changed metadata. Names were checked at create. */
export function metadataUpdateProblems(metadata: ObjectMeta, old: ObjectMeta, namespaced: boolean): readonly FieldError[] {
  const errors: FieldError[] = [...commonProblems(metadata, namespaced)];
  const { name = "" } = metadata;
  errors.push(...invalidFor(child(ROOT, "name"), name, pathSegmentProblems(name)));
  if (old.deletionTimestamp !== undefined) {
    const known = new Set(old.finalizers);
    const added = [...new Set(metadata.finalizers)].filter((finalizer) => !known.has(finalizer)).sort();
    if (added.length > 0) {
      const list = `[]string{${added.map((finalizer) => JSON.stringify(finalizer)).join(", ")}}`;
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
      errors.push(forbiddenField(child(ROOT, "finalizers"), why));
    }
  }
  const immutable = ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] as const;
  for (const field of immutable) {
    if (metadata[field] !== old[field]) errors.push(invalidValue(child(ROOT, field), metadata[field], IMMUTABLE));
  }
  return errors;
}

function nameProblems({ name = "", generateName = "" }: ObjectMeta, nameRule: NameRule): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (generateName !== "") {
    // A prefix may end in what a name may not end in: the random part follows.
    const prefix = generateName.endsWith("-") ? `${generateName.slice(0, -1)}a` : generateName;
    errors.push(...invalidFor(child(ROOT, "generateName"), generateName, nameRule(prefix)));
  }
  if (name === "") return [...errors, required(child(ROOT, "name"), "name or generateName is required")];
  const problems = new Set([...nameRule(name), ...pathSegmentProblems(name)]);
  return [...errors, ...invalidFor(child(ROOT, "name"), name, [...problems])];
}

function commonProblems(metadata: ObjectMeta, namespaced: boolean): readonly FieldError[] {
  const { namespace = "", generation = 0 } = metadata;
  const errors: FieldError[] = [];
  if (namespaced) {
    if (namespace === "") errors.push(required(child(ROOT, "namespace")));
    else errors.push(...invalidFor(child(ROOT, "namespace"), namespace, dnsLabelProblems(namespace)));
  } else if (namespace !== "") errors.push(forbiddenField(child(ROOT, "namespace"), "not allowed on this type"));
  if (generation < 0) errors.push(invalidValue(child(ROOT, "generation"), generation, NOT_NEGATIVE));
  return [
    ...errors,
    ...labelProblems(metadata.labels ?? {}),
    ...annotationProblems(metadata.annotations ?? {}),
    ...ownerProblems(metadata.ownerReferences ?? []),
    ...finalizerProblems(metadata.finalizers ?? []),
  ];
}

function labelProblems(labels: Readonly<Record<string, string>>): readonly FieldError[] {
  const path = child(ROOT, "labels");
  return Object.entries(labels).flatMap(([key, value]) => [
    ...invalidFor(path, key, labelKeyProblems(key)),
    ...invalidFor(path, value, labelValueProblems(value)),
  ]);
}

function annotationProblems(annotations: Readonly<Record<string, string>>): readonly FieldError[] {
  const path = child(ROOT, "annotations");
  const errors = Object.keys(annotations).flatMap((key) => invalidFor(path, key, labelKeyProblems(key.toLowerCase())));
  const size = Object.entries(annotations).reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  return size > MAX_ANNOTATION_BYTES ? [...errors, tooLong(path, MAX_ANNOTATION_BYTES)] : errors;
}

function ownerProblems(owners: readonly OwnerReference[]): readonly FieldError[] {
  const path = child(ROOT, "ownerReferences");
  const errors: FieldError[] = [];
  let controller: string | undefined;
  for (const owner of owners) {
    const { apiVersion = "", kind = "", name = "", uid = "" } = owner;
    if (apiVersion === "" || apiVersion.endsWith("/")) {
      errors.push(invalidValue(child(path, "apiVersion"), apiVersion, "version must not be empty"));
    }
    for (const [field, value] of Object.entries({ kind, name, uid })) {
      if (value === "") errors.push(invalidValue(child(path, field), value, "must not be empty"));
    }
    if (apiVersion === "v1" && kind === "Event") {
      errors.push(invalidValue(path, owner, "/v1, Kind=Event is disallowed from being an owner"));
    }
    if (owner.controller !== true) continue;
    const current = `${kind}/${name}`;
    if (controller !== undefined) {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`;
      errors.push(invalidValue(path, owners, why));
    } else controller = current;
  }
  return errors;
}

function finalizerProblems(finalizers: readonly string[]): readonly FieldError[] {
  const path = child(ROOT, "finalizers");
  const errors = finalizers.flatMap((finalizer) => invalidFor(path, finalizer, labelKeyProblems(finalizer)));
  if (!finalizers.includes(ORPHAN_FINALIZER) || !finalizers.includes(FOREGROUND_FINALIZER)) return errors;
  const why = `finalizer ${ORPHAN_FINALIZER} and ${FOREGROUND_FINALIZER} cannot be both set`;
  return [...errors, invalidValue(path, finalizers, why)];
}
