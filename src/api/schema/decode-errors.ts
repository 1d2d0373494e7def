import { GO_TYPE_NAMES } from "./go-type-names.ts";
import { modelOf } from "./model.ts";
import type { FieldType, ScalarType } from "./model.ts";

const goTypeNames: ReadonlyMap<string, string> = new Map(
  Object.entries(GO_TYPE_NAMES).flatMap(([model, text]) =>
    text.split(" ").map((entry): [string, string] => {
      const [field = "", type = ""] = entry.split("=");
      return [`${model}.${field}`, type];
    }),
  ),
);

const SCALAR_NAMES: Readonly<Record<ScalarType, string>> = {
  string: "string",
  boolean: "bool",
  int32: "int32",
  int64: "int64",
  double: "float64",
  any: "interface {}",
  time: "string",
  microTime: "string",
  bytes: "[]uint8",
  intOrString: "int32",
  quantity: "resource.Quantity",
};

/** What the wrong value was, in the decoder's words. */
export function jsonKindOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return typeof value;
}

/** Where in the object a value was met; list indices and map keys are left out, as the decoder does. */
export interface DecodePlace {
  /** Model that holds the field, e.g. "V1Container". */
  readonly model: string;
  readonly field: string;
  /** e.g. "spec.containers.image" */
  readonly path: string;
}

function typeName(place: DecodePlace, type: FieldType): string {
  switch (type.type) {
    case "list":
      return `[]${typeName(place, type.of)}`;
    case "map":
      return type.of.type === "scalar" && type.of.of === "quantity"
        ? "v1.ResourceList"
        : `map[string]${typeName(place, type.of)}`;
    case "model":
      return `v1.${modelOf(type.of).goName}`;
    case "scalar":
      return (
        (type.of === "string" ? goTypeNames.get(`${place.model}.${place.field}`) : undefined) ?? SCALAR_NAMES[type.of]
      );
  }
}

/** Text for a value of the wrong JSON type, e.g. a string where a list belongs. */
export function wrongType(found: string, type: FieldType, place: DecodePlace | undefined): string {
  if (place === undefined) {
    return `json: cannot unmarshal ${found} into Go value of type ${type.type === "model" ? `v1.${modelOf(type.of).goName}` : "interface {}"}`;
  }
  const struct = modelOf(place.model).goName;
  return `json: cannot unmarshal ${found} into Go struct field ${struct}.${place.path} of type ${typeName(place, type)}`;
}
