import type { FieldError } from "./status-error.ts";
import { invalidFor, invalidValue } from "./field-error.ts";
import { percentProblems, portNameProblems, portNumberProblems } from "./names.ts";

export type IntOrString = number | string;

export function validatePortNumberOrName(value: IntOrString | undefined, field: string): readonly FieldError[] {
  if (typeof value === "string") return invalidFor(field, value, portNameProblems(value));
  return invalidFor(field, value ?? 0, portNumberProblems(value ?? 0));
}

/** A number of at least 0, or a percentage. */
export function validateCountOrPercent(value: IntOrString, field: string): readonly FieldError[] {
  if (typeof value === "string") return invalidFor(field, value, percentProblems(value));
  return value < 0 ? [invalidValue(field, value, "must be greater than or equal to 0")] : [];
}
