import { MODELS } from "./generated/models.ts";
import { ZERO_VALUES } from "./zero-values.ts";

export type ScalarType =
  | "string"
  | "boolean"
  | "int32"
  | "int64"
  | "double"
  | "any"
  | "time"
  | "microTime"
  | "bytes"
  | "intOrString"
  | "quantity";

export type FieldType =
  | { readonly type: "scalar"; readonly of: ScalarType }
  | { readonly type: "model"; readonly of: string }
  | { readonly type: "list"; readonly of: FieldType }
  | { readonly type: "map"; readonly of: FieldType };

/**
 * What an empty value ("", 0, false, empty list or map) of the field means: the same as absence ("absent"), a value of
 * its own ("pointer"), a value that is kept if given ("kept"); or a struct that is always there ("value").
 */
export type ZeroValue = "absent" | "pointer" | "kept" | "value";

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly required: boolean;
  readonly zero: ZeroValue;
}

export interface Model {
  /** e.g. "V1Pod" */
  readonly name: string;
  /** e.g. "Pod": the name that error texts use. */
  readonly goName: string;
  readonly fields: ReadonlyMap<string, Field>;
}

const SCALARS: ReadonlySet<string> = new Set<ScalarType>([
  "string",
  "boolean",
  "int32",
  "int64",
  "double",
  "any",
  "time",
  "microTime",
  "bytes",
  "intOrString",
  "quantity",
]);

function parseType(text: string): FieldType {
  if (text.startsWith("[]")) return { type: "list", of: parseType(text.slice(2)) };
  if (text.startsWith("{}")) return { type: "map", of: parseType(text.slice(2)) };
  return SCALARS.has(text) ? { type: "scalar", of: text as ScalarType } : { type: "model", of: text };
}

function parseZeroValues(text: string): ReadonlyMap<string, ZeroValue> {
  const found = new Map<string, ZeroValue>();
  for (const group of text.split(" ")) {
    const [zero = "", names = ""] = group.split(":");
    for (const name of names.split(",")) found.set(name, zero as ZeroValue);
  }
  return found;
}

function parseModel(name: string, text: string): Model {
  const zeroValues = parseZeroValues(ZERO_VALUES[name] ?? "");
  const fields = text === "" ? [] : text.split(" ");
  return {
    name,
    goName: name.replace(/^[A-Za-z]*?V1(?=[A-Z])/u, ""),
    fields: new Map(
      fields.map((field): [string, Field] => {
        const [head = "", type = ""] = field.split(":");
        const required = head.endsWith("!");
        const fieldName = required ? head.slice(0, -1) : head;
        return [
          fieldName,
          { name: fieldName, type: parseType(type), required, zero: zeroValues.get(fieldName) ?? "absent" },
        ];
      }),
    ),
  };
}

const parsed: ReadonlyMap<string, Model> = new Map(
  Object.entries(MODELS).map(([name, text]) => [name, parseModel(name, text)]),
);

/** Throws RangeError for a name the table does not hold. */
export function modelOf(name: string): Model {
  const model = parsed.get(name);
  if (model === undefined) throw new RangeError(`no schema named ${name}`);
  return model;
}

export function modelNames(): readonly string[] {
  return [...parsed.keys()];
}
