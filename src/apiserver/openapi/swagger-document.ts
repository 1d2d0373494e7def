import type { OpenApiDocument } from "./document.ts";

type Json = Readonly<Record<string, unknown>>;

const V3_SCHEMAS = "#/components/schemas/";
const V2_SCHEMAS = "#/definitions/";
const METHODS = new Set(["get", "put", "post", "patch", "delete"]);
const JSON_TYPE = "application/json";

/** The OpenAPI v2 document that says the same. kubectl checks objects of `kind: List` against it, whatever else is served. */
export function swaggerDocument({ info, paths, components }: OpenApiDocument): Json {
  return {
    swagger: "2.0",
    info,
    paths: eachValue(paths, pathItem),
    definitions: eachValue(components.schemas, schemaOf),
  };
}

function eachValue(values: object, change: (value: Json) => Json): Json {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value as Json)]));
}

function pathItem(item: Json): Json {
  return Object.fromEntries(
    Object.entries(item).map(([key, value]) => [
      key,
      METHODS.has(key) ? operation(value as Json) : (value as readonly Json[]).map(parameter),
    ]),
  );
}

function operation({ requestBody, responses, parameters, ...rest }: Json): Json {
  const body = requestBody === undefined ? [] : [bodyParameter(requestBody as Json)];
  return {
    ...rest,
    consumes: ["*/*"],
    produces: [JSON_TYPE],
    parameters: [...body, ...(parameters as readonly Json[]).map(parameter)],
    responses: eachValue(responses as Json, ({ content, ...response }) => ({
      ...response,
      schema: contentSchema(content as Json),
    })),
  };
}

function bodyParameter({ content }: Json): Json {
  return { name: "body", in: "body", required: true, schema: contentSchema(content as Json) };
}

function contentSchema(content: Json): Json {
  return schemaOf((content[JSON_TYPE] as Json)["schema"] as Json);
}

function parameter({ schema, ...rest }: Json): Json {
  return { ...rest, ...(schema as Json) };
}

/** v2 has no oneOf: integers that may be text, and quantities, are text there, as upstream writes them. */
function schemaOf(schema: Json): Json {
  const { $ref, allOf, oneOf, items, properties, additionalProperties, default: fallback, ...rest } = schema;
  if (typeof $ref === "string") return { $ref: $ref.replace(V3_SCHEMAS, V2_SCHEMAS) };
  const [part] = (allOf ?? []) as readonly Json[];
  if (part !== undefined) return { ...schemaOf(part), ...rest };
  return {
    ...(oneOf !== undefined && { type: "string" }),
    ...rest,
    ...(fallback !== undefined && { default: fallback }),
    ...(items !== undefined && { items: schemaOf(items as Json) }),
    ...(properties !== undefined && { properties: eachValue(properties as Json, schemaOf) }),
    ...(additionalProperties !== undefined && { additionalProperties: schemaOf(additionalProperties as Json) }),
  };
}
