import { parseQuantity } from "../../lib/quantity.ts";
import { parseTime } from "../rfc3339.ts";
import { base64Problem } from "./base64.ts";
import { jsonKindOf, wrongType } from "./decode-errors.ts";
import type { DecodePlace } from "./decode-errors.ts";
import { modelOf } from "./model.ts";
import type { FieldType, ScalarType } from "./model.ts";

export interface FieldCheck {
  /** Paths of fields the schema does not know, e.g. `spec.containers[0].imagee`. */
  readonly unknown: readonly string[];
  /** Why values can not be read, in the decoder's words. The first one is what upstream reports. */
  readonly wrong: readonly string[];
}

interface Walk {
  readonly unknown: string[];
  readonly wrong: string[];
}

const INTEGER_LIMITS = { int32: 2 ** 31, int64: 2 ** 63 } as const;

function timeProblem(text: string, layout: string): string | undefined {
  if (text === "" || parseTime(text) !== undefined) return undefined;
  return `parsing time ${JSON.stringify(text)} as "${layout}": cannot parse ${JSON.stringify(text)} as "2006"`;
}

function integerProblem(value: number, type: "int32" | "int64", place: DecodePlace | undefined): string | undefined {
  const limit = INTEGER_LIMITS[type];
  if (Number.isInteger(value) && value >= -limit && value < limit + (type === "int64" ? 1 : 0)) return undefined;
  return wrongType(`number ${value}`, { type: "scalar", of: type }, place);
}

function scalarProblem(value: unknown, of: ScalarType, place: DecodePlace | undefined): string | undefined {
  const wrong = (): string => wrongType(jsonKindOf(value), { type: "scalar", of }, place);
  switch (of) {
    case "any":
      return undefined;
    case "string":
    case "boolean":
      return typeof value === of ? undefined : wrong();
    case "double":
      return typeof value === "number" ? undefined : wrong();
    case "int32":
    case "int64":
      return typeof value === "number" ? integerProblem(value, of, place) : wrong();
    case "bytes":
      return typeof value === "string" ? base64Problem(value) : wrong();
    case "time":
    case "microTime": {
      if (typeof value !== "string") return `json: cannot unmarshal ${jsonKindOf(value)} into Go value of type string`;
      return timeProblem(value, of === "time" ? "2006-01-02T15:04:05Z07:00" : "2006-01-02T15:04:05.000000Z07:00");
    }
    case "intOrString":
      if (typeof value === "string") return undefined;
      if (typeof value === "number") return integerProblem(value, "int32", undefined)?.replace("interface {}", "int32");
      return `json: cannot unmarshal ${jsonKindOf(value)} into Go value of type int32`;
    case "quantity": {
      const parsed = parseQuantity(
        typeof value === "number" ? String(value) : typeof value === "string" ? value.trim() : "",
      );
      return parsed.ok ? undefined : parsed.reason;
    }
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkModel(walk: Walk, name: string, value: unknown, path: string, goPath: string, place?: DecodePlace): void {
  if (!isRecord(value)) {
    walk.wrong.push(wrongType(jsonKindOf(value), { type: "model", of: name }, place));
    return;
  }
  const model = modelOf(name);
  const prefix = path === "" ? "" : `${path}.`;
  const goPrefix = goPath === "" ? "" : `${goPath}.`;
  for (const [key, inner] of Object.entries(value)) {
    const field = model.fields.get(key);
    if (field === undefined) walk.unknown.push(`${prefix}${key}`);
    else {
      const fieldPlace = { model: name, field: key, path: `${goPrefix}${key}` };
      checkValue(walk, field.type, inner, `${prefix}${key}`, fieldPlace);
    }
  }
}

function checkValue(walk: Walk, type: FieldType, value: unknown, path: string, place: DecodePlace): void {
  if (value === null || value === undefined) return;
  switch (type.type) {
    case "scalar": {
      const problem = scalarProblem(value, type.of, place);
      if (problem !== undefined) walk.wrong.push(problem);
      return;
    }
    case "model":
      checkModel(walk, type.of, value, path, place.path, place);
      return;
    case "list":
      if (!Array.isArray(value)) walk.wrong.push(wrongType(jsonKindOf(value), type, place));
      else for (const [index, entry] of value.entries()) checkValue(walk, type.of, entry, `${path}[${index}]`, place);
      return;
    case "map":
      if (!isRecord(value)) walk.wrong.push(wrongType(jsonKindOf(value), type, place));
      else for (const [key, entry] of Object.entries(value)) checkValue(walk, type.of, entry, `${path}.${key}`, place);
  }
}

/** Compares an object as it was sent with the fields its schema knows. null counts as absent everywhere. */
export function checkFields(schema: string, object: unknown): FieldCheck {
  const walk: Walk = { unknown: [], wrong: [] };
  checkModel(walk, schema, object, "", "");
  return walk;
}
