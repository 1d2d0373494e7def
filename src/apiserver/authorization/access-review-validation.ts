import { invalidValue, required, when } from "../../api/field-error.ts";
import { labelErrors, valueCountErrors } from "../../api/label-selector-rules.ts";
import type { FieldError } from "../../api/status-error.ts";
import type {
  LocalSubjectAccessReview,
  ObjectMeta,
  SelfSubjectAccessReview,
  SubjectAccessReview,
} from "../../api/types.ts";

type Spec = SubjectAccessReview["spec"];
type Asked = Pick<Spec, "resourceAttributes" | "nonResourceAttributes">;

/** null, "", {} and [] are what clients send for nothing. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function metadataErrors(
  metadata: ObjectMeta | undefined,
  allowed: readonly string[],
  text: string,
): readonly FieldError[] {
  const filled = Object.entries(metadata ?? {}).some(([field, value]) => !allowed.includes(field) && !isEmpty(value));
  return filled ? [invalidValue("metadata", metadata, text)] : [];
}

function askedErrors({ resourceAttributes, nonResourceAttributes }: Asked): readonly FieldError[] {
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    return [
      invalidValue(
        "spec.nonResourceAttributes",
        nonResourceAttributes,
        "cannot be specified in combination with resourceAttributes",
      ),
    ];
  }
  if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
    return [
      invalidValue(
        "spec.resourceAttributes",
        undefined,
        "exactly one of nonResourceAttributes or resourceAttributes must be specified",
      ),
    ];
  }
  return [];
}

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}
interface Selector {
  readonly rawSelector?: string;
  readonly requirements?: readonly Requirement[];
}

/** Operators that are not known here are left to the authorizer: a newer client may know them. */
function selectorErrors(
  path: string,
  selector: Selector | undefined,
  requirementErrors: (requirement: Requirement, at: string) => readonly FieldError[],
): readonly FieldError[] {
  if (selector === undefined) return [];
  const raw = selector.rawSelector ?? "";
  const requirements = selector.requirements ?? [];
  return [
    ...when(
      raw !== "" && requirements.length > 0,
      invalidValue(`${path}.rawSelector`, raw, "may not specified at the same time as requirements"),
    ),
    ...when(
      raw === "" && requirements.length === 0,
      required(`${path}.requirements`, `when ${path} is specified, requirements or rawSelector is required`),
    ),
    ...requirements.flatMap((requirement, i) => requirementErrors(requirement, `${path}.requirements[${i}]`)),
  ];
}

function selectorsErrors({ resourceAttributes }: Asked): readonly FieldError[] {
  const path = "spec.resourceAttributes";
  return [
    ...selectorErrors(`${path}.fieldSelector`, resourceAttributes?.fieldSelector, (requirement, at) => [
      ...when((requirement.key ?? "") === "", required(`${at}.key`, "must be specified")),
      ...valueCountErrors(requirement, at),
    ]),
    ...selectorErrors(`${path}.labelSelector`, resourceAttributes?.labelSelector, (requirement, at) => [
      ...valueCountErrors(requirement, at),
      ...labelErrors(requirement, at),
    ]),
  ];
}

function subjectErrors({ user = "", groups = [] }: Spec): readonly FieldError[] {
  return user === "" && groups.length === 0
    ? [invalidValue("spec.user", user, "at least one of user or group must be specified")]
    : [];
}

export function validateSubjectAccessReview({ spec, metadata }: SubjectAccessReview): readonly FieldError[] {
  return [
    ...askedErrors(spec),
    ...subjectErrors(spec),
    ...selectorsErrors(spec),
    ...metadataErrors(metadata, ["managedFields"], "must be empty"),
  ];
}

export function validateSelfSubjectAccessReview({ spec, metadata }: SelfSubjectAccessReview): readonly FieldError[] {
  return [
    ...askedErrors(spec),
    ...selectorsErrors(spec),
    ...metadataErrors(metadata, ["managedFields"], "must be empty"),
  ];
}

export function validateLocalSubjectAccessReview({ spec, metadata }: LocalSubjectAccessReview): readonly FieldError[] {
  const namespace = metadata?.namespace ?? "";
  const asked = spec.resourceAttributes?.namespace ?? "";
  return [
    ...askedErrors(spec),
    ...subjectErrors(spec),
    ...selectorsErrors(spec),
    ...metadataErrors(metadata, ["managedFields", "namespace"], "must be empty except for namespace"),
    ...(spec.resourceAttributes !== undefined && asked !== namespace
      ? [invalidValue("spec.resourceAttributes.namespace", asked, "must match metadata.namespace")]
      : []),
    ...(spec.nonResourceAttributes === undefined
      ? []
      : [invalidValue("spec.nonResourceAttributes", spec.nonResourceAttributes, "disallowed on this kind of request")]),
  ];
}
