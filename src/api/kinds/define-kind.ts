import { dnsSubdomainProblems } from "../names.ts";
import type { KubernetesObject } from "../types.ts";
import type { KindDefinition, KindOptions, KindVerb } from "./definition.ts";
import { createdAtTable } from "./table.ts";

const ALL_VERBS: readonly KindVerb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];

/** Fields every kind can be selected by. */
export function metadataFields(object: KubernetesObject, namespaced: boolean): Readonly<Record<string, string>> {
  return {
    "metadata.name": object.metadata?.name ?? "",
    ...(namespaced && { "metadata.namespace": object.metadata?.namespace ?? "" }),
  };
}

/** The object with an empty status, as a creator may not set it. */
export function withoutStatus(object: KubernetesObject): KubernetesObject {
  return { ...object, status: {} };
}

/**
 * Fills in the common cases: all verbs, lower-cased kind as singular, schema `V1<Kind>`, DNS subdomain names, nothing
 * defaulted, everything valid, the plain name and creation time table. With `hasStatus` the status is cleared at create.
 */
export function defineKind(options: KindOptions): KindDefinition {
  const hasStatus = options.hasStatus ?? false;
  return {
    singular: options.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    schema: `V1${options.kind}`,
    verbs: ALL_VERBS,
    hasStatus,
    hasGeneration: false,
    validateName: dnsSubdomainProblems,
    applyDefaults: (object) => object,
    prepareForCreate: hasStatus ? withoutStatus : (object) => object,
    prepareForUpdate: (object) => object,
    prepareForStatusUpdate: (object) => object,
    validateCreate: () => [],
    validateUpdate:
      options.validateCreate === undefined
        ? () => []
        : (object, _old, context) => options.validateCreate?.(object, context) ?? [],
    validateStatusUpdate: () => [],
    warnings: () => [],
    selectableFields: (object) => metadataFields(object, options.namespaced),
    table: createdAtTable,
    ...options,
  };
}
