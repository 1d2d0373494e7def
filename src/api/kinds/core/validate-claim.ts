import { parseQuantity } from "../../../lib/quantity.ts";
import {
  NOT_POSITIVE,
  forbiddenField,
  invalidValue,
  optionalName,
  optionalOneOf,
  required,
  when,
} from "../../field-error.ts";
import { validateLabelSelector } from "../../label-selector-rules.ts";
import { dnsLabelProblems, dnsSubdomainProblems } from "../../names.ts";
import { validateAnnotations, validateLabels } from "../../object-meta.ts";
import { deepEqual } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { ObjectMeta, PersistentVolumeClaim, Unchecked, Volume } from "../../types.ts";
import { VOLUME_MODES, validateAccessModes } from "./access-mode-rules.ts";

export type ClaimSpec = NonNullable<Unchecked<PersistentVolumeClaim>["spec"]>;
type Reference = NonNullable<ClaimSpec["dataSourceRef"]>;

/** What the old claim already has and may keep. */
export interface ClaimRules {
  readonly areInvalidSelectorValuesAllowed: boolean;
  readonly areInvalidGroupsAllowed: boolean;
}

const STRICT: ClaimRules = { areInvalidSelectorValuesAllowed: false, areInvalidGroupsAllowed: false };

function validateReference(reference: Reference, field: string, rules: ClaimRules): readonly FieldError[] {
  const { name = "", kind = "", apiGroup = "", namespace } = reference;
  const text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
  return [
    ...when(name === "", required(`${field}.name`)),
    ...when(kind === "", required(`${field}.kind`)),
    ...when(apiGroup === "" && kind !== "PersistentVolumeClaim", invalidValue(field, kind, text)),
    ...(rules.areInvalidGroupsAllowed ? [] : optionalName(`${field}.apiGroup`, apiGroup, dnsSubdomainProblems)),
    ...optionalName(`${field}.namespace`, namespace, dnsLabelProblems),
  ];
}

function storageErrors(spec: ClaimSpec, field: string): readonly FieldError[] {
  const amount = spec.resources?.requests?.["storage"];
  if (amount === undefined) return [required(field)];
  const parsed = parseQuantity(amount);
  return when(parsed.ok && parsed.value.nanos <= 0n, invalidValue(field, amount, NOT_POSITIVE));
}

function dataSourceErrors(spec: ClaimSpec, field: string, rules: ClaimRules): readonly FieldError[] {
  const { dataSource, dataSourceRef } = spec;
  const pair = [dataSource, dataSourceRef].map((source) => [source?.apiGroup, source?.kind, source?.name]);
  const isElsewhere = (dataSourceRef?.namespace ?? "") !== "";
  const isDifferent = dataSource !== undefined && dataSourceRef !== undefined && !deepEqual(pair[0], pair[1]);
  const path = `${field}.dataSource`;
  return [
    ...(dataSource === undefined ? [] : validateReference(dataSource, path, rules)),
    ...(dataSourceRef === undefined ? [] : validateReference(dataSourceRef, `${field}.dataSourceRef`, rules)),
    ...(isElsewhere
      ? when(
          dataSource !== undefined,
          invalidValue(field, {}, "may not be specified when dataSourceRef.namespace is specified"),
        )
      : when(isDifferent, invalidValue(field, {}, "must match dataSourceRef"))),
  ];
}

export function validateClaimSpec(spec: ClaimSpec, field: string, rules: ClaimRules = STRICT): readonly FieldError[] {
  const modes = (spec.accessModes ?? []) as readonly string[];
  return [
    ...when(modes.length === 0, required(`${field}.accessModes`, "at least 1 access mode is required")),
    ...validateLabelSelector(spec.selector, `${field}.selector`, rules.areInvalidSelectorValuesAllowed),
    ...validateAccessModes(`${field}.accessModes`, modes),
    ...storageErrors(spec, `${field}.resources[storage]`),
    ...optionalName(`${field}.storageClassName`, spec.storageClassName, dnsSubdomainProblems),
    ...optionalOneOf(`${field}.volumeMode`, spec.volumeMode, VOLUME_MODES),
    ...dataSourceErrors(spec, field, rules),
    ...optionalName(`${field}.volumeAttributesClassName`, spec.volumeAttributesClassName, dnsSubdomainProblems),
  ];
}

type ClaimTemplate = NonNullable<NonNullable<Unchecked<Volume>["ephemeral"]>["volumeClaimTemplate"]>;

function templateMetadataErrors(metadata: Unchecked<ObjectMeta>, field: string): readonly FieldError[] {
  type Texts = Readonly<Record<string, string>> | undefined;
  const others = Object.entries(metadata).filter(([key, value]) => {
    return key !== "labels" && key !== "annotations" && value !== undefined;
  });
  return [
    ...validateAnnotations(metadata.annotations as Texts, `${field}.annotations`),
    ...validateLabels(metadata.labels as Texts, `${field}.labels`),
    ...others.map(([key]) => forbiddenField(`${field}.${key}`, "cannot be set")),
  ];
}

/** The claim of a generic ephemeral volume: only labels and annotations besides the spec. */
export function validateClaimTemplate(template: ClaimTemplate, field: string): readonly FieldError[] {
  return [
    ...templateMetadataErrors(template.metadata ?? {}, `${field}.metadata`),
    ...validateClaimSpec(template.spec ?? {}, `${field}.spec`),
  ];
}
