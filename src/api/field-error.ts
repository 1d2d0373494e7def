import type { FieldError } from "./status-error.ts";

/**
 * Builders of field errors with Kubernetes' texts. `field` is a path such as `spec.containers[0].image`; "", the whole object,
 * shows as the `[]` people know.
 */
const WHOLE_OBJECT = "[]";

function build(type: FieldError["type"], field: string, text: string, detail: string): FieldError {
  return { type, field: field === "" ? WHOLE_OBJECT : field, message: detail === "" ? text : `${text}: ${detail}` };
}

/** Absent values print as a Go nil pointer does. */
function show(value: unknown): string {
  return value === undefined ? "null" : JSON.stringify(value);
}

export function required(field: string, detail = ""): FieldError {
  return build("FieldValueRequired", field, "Required value", detail);
}

export function invalidValue(field: string, value: unknown, detail = ""): FieldError {
  return build("FieldValueInvalid", field, `Invalid value: ${show(value)}`, detail);
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const list = supported.map((entry) => JSON.stringify(entry)).join(", ");
  return build(
    "FieldValueNotSupported",
    field,
    `Unsupported value: ${show(value)}`,
    list === "" ? "" : `supported values: ${list}`,
  );
}

export function forbiddenField(field: string, detail = ""): FieldError {
  return build("FieldValueForbidden", field, "Forbidden", detail);
}

export function duplicate(field: string, value: unknown): FieldError {
  return build("FieldValueDuplicate", field, `Duplicate value: ${show(value)}`, "");
}

export function notFoundValue(field: string, value: unknown): FieldError {
  return build("FieldValueNotFound", field, `Not found: ${show(value)}`, "");
}

/** `limit` in bytes. */
export function tooLong(field: string, limit: number): FieldError {
  return build(
    "FieldValueTooLong",
    field,
    "Too long",
    `may not be more than ${limit} ${limit === 1 ? "byte" : "bytes"}`,
  );
}

export function tooMany(field: string, actual: number, limit: number): FieldError {
  return build(
    "FieldValueTooMany",
    field,
    `Too many: ${actual}`,
    `must have at most ${limit} ${limit === 1 ? "item" : "items"}`,
  );
}

/** One Invalid error per problem text. */
export function invalidFor(field: string, value: unknown, problems: readonly string[]): readonly FieldError[] {
  return problems.map((problem) => invalidValue(field, value, problem));
}

export const IMMUTABLE = "field is immutable";
export const NOT_NEGATIVE = "must be greater than or equal to 0";

/** The error if the condition holds. */
export function when(condition: boolean, error: FieldError): readonly FieldError[] {
  return condition ? [error] : [];
}

/** A field that must be there and be one of a few values. */
export function requiredOneOf(
  field: string,
  value: string | undefined,
  supported: readonly string[],
): readonly FieldError[] {
  if (value === undefined || value === "") return [required(field)];
  return supported.includes(value) ? [] : [notSupported(field, value, supported)];
}

/** A field that is one of a few values if it is there. */
export function optionalOneOf(
  field: string,
  value: string | undefined,
  supported: readonly string[],
): readonly FieldError[] {
  return value === undefined || supported.includes(value) ? [] : [notSupported(field, value, supported)];
}

/** A name that must be there and follow a rule. */
export function requiredName(
  field: string,
  value: string | undefined,
  rule: (name: string) => readonly string[],
): readonly FieldError[] {
  if (value === undefined || value === "") return [required(field)];
  return invalidFor(field, value, rule(value));
}

/** A name that follows a rule if it is there and not empty. */
export function optionalName(
  field: string,
  value: string | undefined,
  rule: (name: string) => readonly string[],
): readonly FieldError[] {
  return value === undefined || value === "" ? [] : invalidFor(field, value, rule(value));
}

export const NOT_POSITIVE = "must be greater than zero";
