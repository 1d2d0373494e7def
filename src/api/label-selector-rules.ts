import { forbiddenField, invalidFor, invalidValue, required } from "./field-error.ts";
import { labelKeyProblems, labelValueProblems } from "./names.ts";
import { validateLabels } from "./object-meta.ts";
import type { FieldError } from "./status-error.ts";
import type { LabelSelector, Unchecked } from "./types.ts";

type Requirement = NonNullable<Unchecked<LabelSelector>["matchExpressions"]>[number];

/** Whether an operator has the values it needs, and is one at all. */
function operatorErrors(requirement: Requirement, field: string): readonly FieldError[] {
  return [
    ...valueCountErrors(requirement, field),
    ...(OPERATORS.has(requirement.operator)
      ? []
      : [invalidValue(`${field}.operator`, requirement.operator ?? "", "not a valid selector operator")]),
  ];
}

const OPERATORS: ReadonlySet<unknown> = new Set(["In", "NotIn", "Exists", "DoesNotExist"]);

/** Whether an operator has the values it needs; one that is not known may have any. */
export function valueCountErrors(requirement: Requirement, field: string): readonly FieldError[] {
  const count = (requirement.values ?? []).length;
  switch (requirement.operator) {
    case "In":
    case "NotIn":
      return count === 0 ? [required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'")] : [];
    case "Exists":
    case "DoesNotExist":
      return count > 0
        ? [forbiddenField(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
        : [];
    default:
      return [];
  }
}

function requirementErrors(requirement: Requirement, field: string, isLenient: boolean): readonly FieldError[] {
  return [...operatorErrors(requirement, field), ...labelErrors(requirement, field, isLenient)];
}

/** Whether key and values can be those of labels. @param isLenient accepts any values */
export function labelErrors(requirement: Requirement, field: string, isLenient = false): readonly FieldError[] {
  const { key = "", values = [] } = requirement;
  return [
    ...invalidFor(`${field}.key`, key, labelKeyProblems(key)),
    ...(isLenient
      ? []
      : values.flatMap((value, i) => invalidFor(`${field}.values[${i}]`, value, labelValueProblems(value)))),
  ];
}

/** Rules for a LabelSelector object. @param isLenient accepts bad values that the old object already had */
export function validateLabelSelector(
  selector: Unchecked<LabelSelector> | undefined,
  field: string,
  isLenient = false,
): readonly FieldError[] {
  if (selector === undefined) return [];
  return [
    ...validateLabels(selector.matchLabels as Readonly<Record<string, string>> | undefined, `${field}.matchLabels`),
    ...(selector.matchExpressions ?? []).flatMap((requirement, i) =>
      requirementErrors(requirement, `${field}.matchExpressions[${i}]`, isLenient),
    ),
  ];
}

/** Whether an expression holds a value that is no label value. */
export function hasInvalidLabelValue(selector: Unchecked<LabelSelector> | undefined): boolean {
  return (selector?.matchExpressions ?? []).some((requirement) =>
    (requirement.values ?? []).some((value) => labelValueProblems(value).length > 0),
  );
}
