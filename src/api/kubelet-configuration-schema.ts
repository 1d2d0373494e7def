import { formatGoDuration, parseGoDuration } from "../lib/go-duration.ts";

/**
 * A small schema language for KubeletConfiguration: one table gives the type, the defaults, the strict parser and the
 * encoder, so that they can not disagree. Durations are milliseconds inside and Go durations on the wire.
 */
export type Field =
  | { readonly type: "boolean"; readonly value: boolean; readonly shown: boolean }
  | { readonly type: "integer"; readonly value: number; readonly shown: boolean; readonly keepsZero: boolean }
  | { readonly type: "number"; readonly value: number; readonly shown: boolean }
  | { readonly type: "string"; readonly value: string; readonly shown: boolean; readonly keepsEmpty: boolean }
  | { readonly type: "duration"; readonly value: number; readonly shown: boolean }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "integers" }
  | { readonly type: "string-map" }
  | { readonly type: "boolean-map" }
  | { readonly type: "strings-map" }
  | { readonly type: "optional-integer" }
  | { readonly type: "optional-boolean" }
  | { readonly type: "object"; readonly fields: Fields; readonly shown: boolean }
  | { readonly type: "objects"; readonly fields: Fields }
  | { readonly type: "opaque" };

export interface Fields {
  readonly [name: string]: Field;
}

export type ValueOf<F extends Field> = F["type"] extends "boolean"
  ? boolean
  : F["type"] extends "integer" | "number" | "duration"
    ? number
    : F["type"] extends "string"
      ? string
      : F["type"] extends "strings"
        ? readonly string[]
        : F["type"] extends "integers"
          ? readonly number[]
          : F["type"] extends "string-map"
            ? Readonly<Record<string, string>>
            : F["type"] extends "boolean-map"
              ? Readonly<Record<string, boolean>>
              : F["type"] extends "strings-map"
                ? Readonly<Record<string, readonly string[]>>
                : F["type"] extends "optional-integer"
                  ? number | undefined
                  : F["type"] extends "optional-boolean"
                    ? boolean | undefined
                    : F extends { readonly type: "object"; readonly fields: infer N extends Fields }
                      ? ConfigurationOf<N>
                      : F extends { readonly type: "objects"; readonly fields: infer N extends Fields }
                        ? readonly ConfigurationOf<N>[]
                        : unknown;

export type ConfigurationOf<T extends Fields> = { readonly [K in keyof T]: ValueOf<T[K]> };

/** `shown: false` leaves a zero value out when encoding, like Go's omitempty. */
export const boolean = (value: boolean, shown = true) => ({ type: "boolean", value, shown }) as const;
/** `keepsZero`: an explicit 0 is a value; otherwise it means the default, as for upstream's fields that are no pointers. */
export const integer = (value: number, keepsZero = false) =>
  ({ type: "integer", value, shown: keepsZero || value !== 0, keepsZero }) as const;
export const number = (value: number, shown = value !== 0) => ({ type: "number", value, shown }) as const;
export const string = (value = "", keepsEmpty = false) =>
  ({ type: "string", value, shown: keepsEmpty, keepsEmpty }) as const;
export const duration = (value: number, shown = true) => ({ type: "duration", value, shown }) as const;
export const strings = (...value: readonly string[]) => ({ type: "strings", value }) as const;
export const integers = { type: "integers" } as const;
export const stringMap = { type: "string-map" } as const;
export const booleanMap = { type: "boolean-map" } as const;
export const stringsMap = { type: "strings-map" } as const;
export const optionalInteger = { type: "optional-integer" } as const;
export const optionalBoolean = { type: "optional-boolean" } as const;
/** Checked by whoever uses it. */
export const opaque = { type: "opaque" } as const;
export const object = <T extends Fields>(fields: T, shown = true) => ({ type: "object", fields, shown }) as const;
export const objects = <T extends Fields>(fields: T) => ({ type: "objects", fields }) as const;

/** Collects every problem instead of stopping at the first. */
export type Problems = string[];

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOf<T>(value: unknown, is: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(is);
}

function isMapOf<T>(value: unknown, is: (item: unknown) => item is T): value is Readonly<Record<string, T>> {
  return isRecord(value) && Object.values(value).every(is);
}

const isString = (value: unknown): value is string => typeof value === "string";
const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

function checked<T>(
  value: unknown,
  is: (candidate: unknown) => candidate is T,
  fallback: T,
  path: string,
  expected: string,
  problems: Problems,
): T {
  if (value === undefined || value === null) return fallback;
  if (is(value)) return value;
  problems.push(`${path}: expected ${expected}, got ${JSON.stringify(value)}`);
  return fallback;
}

function parseDuration(value: unknown, fallback: number, path: string, problems: Problems): number {
  // Upstream treats an explicit zero like an absent field: the default applies.
  if (value === undefined || value === null || value === 0) return fallback;
  const parsed = typeof value === "string" ? parseGoDuration(value) : undefined;
  if (parsed === undefined) {
    problems.push(`${path}: expected a duration such as "1m30s", got ${JSON.stringify(value)}`);
    return fallback;
  }
  return parsed === 0 ? fallback : parsed;
}

function parseField(field: Field, value: unknown, path: string, problems: Problems): unknown {
  switch (field.type) {
    case "boolean":
      return checked(value, isBoolean, field.value, path, "true or false", problems);
    case "integer":
      return checked(
        value === 0 && !field.keepsZero ? undefined : value,
        isInteger,
        field.value,
        path,
        "an integer",
        problems,
      );
    case "number":
      return checked(value, isNumber, field.value, path, "a number", problems);
    case "string": {
      const text = checked(value, isString, field.value, path, "a string", problems);
      return text === "" && !field.keepsEmpty ? field.value : text;
    }
    case "duration":
      return parseDuration(value, field.value, path, problems);
    case "strings":
      return checked(
        value,
        (item): item is readonly string[] => isListOf(item, isString),
        field.value,
        path,
        "a list of strings",
        problems,
      );
    case "integers":
      return checked(
        value,
        (item): item is readonly number[] => isListOf(item, isInteger),
        [],
        path,
        "a list of integers",
        problems,
      );
    case "string-map":
      return checked(
        value,
        (item): item is Readonly<Record<string, string>> => isMapOf(item, isString),
        {},
        path,
        "a map of strings",
        problems,
      );
    case "boolean-map":
      return checked(
        value,
        (item): item is Readonly<Record<string, boolean>> => isMapOf(item, isBoolean),
        {},
        path,
        "a map of true or false",
        problems,
      );
    case "strings-map":
      return checked(
        value,
        (item): item is Readonly<Record<string, readonly string[]>> =>
          isMapOf(item, (list): list is readonly string[] => isListOf(list, isString)),
        {},
        path,
        "a map of lists of strings",
        problems,
      );
    case "optional-integer":
      return checked(value, isInteger, undefined, path, "an integer", problems);
    case "optional-boolean":
      return checked(value, isBoolean, undefined, path, "true or false", problems);
    case "object":
      return parseFields(field.fields, value, path, problems);
    case "objects": {
      const list = checked(
        value,
        (item): item is readonly unknown[] => Array.isArray(item),
        [],
        path,
        "a list",
        problems,
      );
      return list.map((item, index) => parseFields(field.fields, item, `${path}[${index}]`, problems));
    }
    case "opaque":
      return value;
  }
}

/** Parses strictly: unknown fields, wrong types and bad durations are problems with their path. */
export function parseFields<T extends Fields>(
  fields: T,
  value: unknown,
  path: string,
  problems: Problems,
): ConfigurationOf<T> {
  const source = checked(value, isRecord, {}, path === "" ? "<root>" : path, "a map", problems);
  const at = (name: string): string => (path === "" ? name : `${path}.${name}`);
  for (const name of Object.keys(source)) {
    if (!Object.hasOwn(fields, name)) problems.push(`unknown field "${at(name)}"`);
  }
  const entries = Object.entries(fields).map(([name, field]) => [
    name,
    parseField(field, source[name], at(name), problems),
  ]);
  return Object.fromEntries(entries) as ConfigurationOf<T>;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.values(value).every(isEmpty);
}

function encodeField(field: Field, value: unknown): unknown {
  switch (field.type) {
    case "duration":
      return typeof value === "number" ? formatGoDuration(value) : value;
    case "object":
      return isRecord(value) ? encodeFields(field.fields, value) : value;
    case "objects":
      return Array.isArray(value)
        ? value.map((item: unknown) => (isRecord(item) ? encodeFields(field.fields, item) : item))
        : value;
    default:
      return value;
  }
}

/** The wire form, as /configz shows it. */
export function encodeFields(fields: Fields, value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const shown = "shown" in field && field.shown;
    if (!shown && isEmpty(value[name])) continue;
    result[name] = encodeField(field, value[name]);
  }
  return result;
}
