import { canonicalQuantity } from "../../lib/quantity.ts";
import { formatMicroTime, formatTime, parseTime } from "../rfc3339.ts";
import { modelOf } from "./model.ts";
import type { Field, FieldType, ScalarType } from "./model.ts";

type Struct = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Struct {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function normalizeScalar(of: ScalarType, value: unknown): unknown {
  if (of === "quantity") return canonicalQuantity(String(value).trim());
  if (of !== "time" && of !== "microTime") return value;
  if (typeof value !== "string" || value === "") return undefined;
  const time = parseTime(value);
  if (time === undefined) return value;
  return of === "time" ? formatTime(time) : formatMicroTime(time);
}

/** The value of a scalar that was not given. undefined where upstream writes null. */
function zeroOf(of: ScalarType): unknown {
  switch (of) {
    case "string":
      return "";
    case "boolean":
      return false;
    case "int32":
    case "int64":
    case "double":
    case "intOrString":
      return 0;
    case "quantity":
      return "0";
    case "bytes":
    case "any":
    case "time":
    case "microTime":
      return undefined;
  }
}

/** What a null list entry or map value reads as. */
function emptyOf(type: FieldType): unknown {
  if (type.type === "model") return {};
  if (type.type !== "scalar") return null;
  return zeroOf(type.of) ?? (type.of === "bytes" ? "" : null);
}

function normalizeValue(type: FieldType, value: unknown): unknown {
  switch (type.type) {
    case "scalar":
      return normalizeScalar(type.of, value);
    case "model":
      return isRecord(value) ? normalizeStruct(type.of, value) : value;
    case "list":
      return Array.isArray(value)
        ? value.map((entry: unknown) => (entry === null ? emptyOf(type.of) : normalizeValue(type.of, entry)))
        : value;
    case "map":
      return isRecord(value)
        ? Object.fromEntries(
            Object.entries(value).map(([key, entry]) => [
              key,
              entry === null ? emptyOf(type.of) : normalizeValue(type.of, entry),
            ]),
          )
        : value;
  }
}

function isEmpty(value: unknown): boolean {
  if (value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.keys(value).length === 0;
}

/** Structs are never dropped when empty: only the "value" ones are held without a pointer, and those always stay. */
function isDroppedWhenEmpty(field: Field): boolean {
  if (field.zero !== "absent" || field.type.type === "model") return false;
  return !(field.type.type === "scalar" && (field.type.of === "any" || field.type.of === "intOrString"));
}

function normalizeStruct(name: string, struct: Struct): Struct {
  const model = modelOf(name);
  const result: Record<string, unknown> = {};
  for (const [key, given] of Object.entries(struct)) {
    const field = model.fields.get(key);
    if (field === undefined || given === null || given === undefined) continue;
    const value = normalizeValue(field.type, given);
    if (value === undefined || (isDroppedWhenEmpty(field) && isEmpty(value))) continue;
    result[key] = value;
  }
  for (const field of model.fields.values()) {
    if (result[field.name] !== undefined) continue;
    if (field.zero === "kept" && field.type.type === "scalar") result[field.name] = zeroOf(field.type.of);
    if (field.zero !== "value") continue;
    if (field.type.type === "model") result[field.name] = normalizeStruct(field.type.of, {});
    else if (field.type.type === "scalar" && field.type.of === "quantity") result[field.name] = "0";
  }
  return result;
}

/**
 * The object as it is stored: unknown fields and nulls dropped, empty values that mean nothing dropped, structs that
 * are always present added, quantities and times in canonical form. Expects an object without `wrong` fields (see
 * checkFields); wrong values are left as they are.
 */
export function normalize<T extends object>(schema: string, object: T): T {
  return normalizeStruct(schema, object as Struct) as T;
}

/** Structural equality of JSON values; absent and undefined are the same. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((entry, i) => deepEqual(entry, b[i]))
    );
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => deepEqual(a[key], b[key]));
}
