import { modelOf } from "./model.ts";
import type { Field, FieldType, Model, ScalarType } from "./model.ts";
import { listTypeOf, patchMetadataOf } from "./patch-metadata.ts";

/** An OpenAPI v3 schema object. */
export type OpenApiSchema = Readonly<Record<string, unknown>>;

const SCALARS: Readonly<Record<ScalarType, OpenApiSchema>> = {
  string: { type: "string" },
  boolean: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  any: { type: "object" },
  time: { type: "string", format: "date-time" },
  microTime: { type: "string", format: "date-time" },
  bytes: { type: "string", format: "byte" },
  intOrString: { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] },
  quantity: { oneOf: [{ type: "string" }, { type: "number" }] },
};

function referencedModel(type: FieldType): string | undefined {
  if (type.type === "model") return type.of;
  return type.type === "scalar" ? undefined : referencedModel(type.of);
}

/** All models an object of these schemas can contain, themselves included. */
export function schemasReachableFrom(schemas: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const pending = [...schemas];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const field of modelOf(name).fields.values()) {
      const next = referencedModel(field.type);
      if (next !== undefined) pending.push(next);
    }
  }
  return seen;
}

function typeSchema(type: FieldType, refer: (model: string) => string): OpenApiSchema {
  switch (type.type) {
    case "scalar":
      return SCALARS[type.of];
    case "model":
      return { allOf: [{ $ref: refer(type.of) }], default: {} };
    case "list":
      return { type: "array", items: typeSchema(type.of, refer) };
    case "map":
      return { type: "object", additionalProperties: typeSchema(type.of, refer) };
  }
}

function fieldSchema(model: Model, field: Field, refer: (model: string) => string): OpenApiSchema {
  const list = listTypeOf(model.name, field.name);
  const patch = patchMetadataOf(model.name, field.name);
  const strategies = [patch.mergeKey !== undefined ? "merge" : "", patch.retainKeys ? "retainKeys" : ""].filter(
    Boolean,
  );
  const structured = field.type.type === "list" ? "x-kubernetes-list-type" : "x-kubernetes-map-type";
  return {
    ...typeSchema(field.type, refer),
    ...(list !== undefined && { [structured]: list.type }),
    ...(list?.type === "map" && { "x-kubernetes-list-map-keys": list.keys }),
    ...(strategies.length > 0 && { "x-kubernetes-patch-strategy": strategies.join(",") }),
    ...(patch.mergeKey !== undefined && patch.mergeKey !== "" && { "x-kubernetes-patch-merge-key": patch.mergeKey }),
  };
}

function modelSchema(model: Model, refer: (model: string) => string): OpenApiSchema {
  const fields = [...model.fields.values()];
  const required = fields.filter((field) => field.required).map((field) => field.name);
  return {
    type: "object",
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(model, field, refer)])),
  };
}

/**
 * OpenAPI v3 schemas for these models and all they contain, by model name. `refer` gives the $ref text of a model, for
 * example its place under "#/components/schemas/". No descriptions.
 */
export function openApiSchemas(
  schemas: readonly string[],
  refer: (model: string) => string,
): ReadonlyMap<string, OpenApiSchema> {
  return new Map([...schemasReachableFrom(schemas)].sort().map((name) => [name, modelSchema(modelOf(name), refer)]));
}
