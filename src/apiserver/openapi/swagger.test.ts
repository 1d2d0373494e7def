import { BinaryReader } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "vitest";
import { KINDS } from "../../api/kinds/index.ts";
import { StatusError } from "../../api/status-error.ts";
import { plainRequest } from "../../testing/plain-request.ts";
import { documentedKinds } from "./document.ts";
import { createSwagger } from "./swagger.ts";
import { swaggerMessage } from "./swagger-message.ts";

const CLIENT_GO = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const swagger = createSwagger(documentedKinds(KINDS, []));

function get(headers: Readonly<Record<string, string>> = {}) {
  const answer = swagger(plainRequest("/openapi/v2", headers));
  if (!("headers" in answer)) throw new Error("the answer is no document");
  return answer;
}

/** The length-delimited fields with this number. */
function fieldsOf(message: Uint8Array, wanted: number): readonly Uint8Array[] {
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === wanted) found.push(reader.bytes());
    else reader.skip(type, number);
  }
  return found;
}

function texts(message: Uint8Array, field: number): readonly string[] {
  return fieldsOf(message, field).map((bytes) => new TextDecoder().decode(bytes));
}

/** Follows fields into nested messages; all that is found at the end. */
function within(message: Uint8Array, ...fields: readonly number[]): readonly Uint8Array[] {
  return fields.reduce<readonly Uint8Array[]>(
    (parts, field) => parts.flatMap((part) => fieldsOf(part, field)),
    [message],
  );
}

describe("/openapi/v2", () => {
  it("describes every kind, and refers to nothing it does not describe", () => {
    const text = String(get().body);
    const { swagger: version, definitions, paths } = JSON.parse(text);
    expect(version).toBe("2.0");
    const described = Object.values<Readonly<Record<string, unknown>>>(definitions).flatMap(
      (schema) => schema["x-kubernetes-group-version-kind"] ?? [],
    );
    for (const { group, version: v, kind } of KINDS) {
      expect(described).toContainEqual({ group, version: v, kind });
    }
    const references = [...text.matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)].map(([, name]) => name);
    expect(references.filter((name) => definitions[name ?? ""] === undefined)).toEqual([]);
    expect(text).not.toMatch(/oneOf|allOf|components\/schemas/);
    const create = paths["/api/v1/namespaces/{namespace}/pods"].post;
    expect(create.parameters[0]).toMatchObject({ name: "body", in: "body", required: true });
    expect(create.parameters).toContainEqual({ name: "dryRun", in: "query", type: "string", uniqueItems: true });
  });

  it("writes quantities and integers that may be text as text", () => {
    const { definitions } = JSON.parse(String(get().body));
    const port = definitions["io.k8s.api.v1.HTTPGetAction"].properties.port;
    expect(port).toEqual({ type: "string", format: "int-or-string" });
    expect(definitions["io.k8s.api.v1.ResourceRequirements"].properties.limits).toEqual({
      type: "object",
      additionalProperties: { type: "string" },
    });
  });

  it("is the message client-go reads", () => {
    const { headers, body } = get({ accept: CLIENT_GO });
    expect(headers["Content-Type"]).toBe("application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    const message = body as Uint8Array;
    expect(texts(message, 1)).toEqual(["2.0"]);
    const definitions = within(message, 9, 1);
    const configMap = definitions.find((named) => texts(named, 1)[0] === "io.k8s.api.v1.ConfigMap");
    const [schema = new Uint8Array()] = within(configMap ?? new Uint8Array(), 2);
    expect(within(schema, 22).flatMap((type) => texts(type, 1))).toEqual(["object"]);
    const properties = within(schema, 25, 1).flatMap((named) => texts(named, 1));
    expect(properties).toEqual(expect.arrayContaining(["data", "immutable", "metadata"]));
    const [extension = new Uint8Array()] = within(schema, 31);
    expect(texts(extension, 1)).toEqual(["x-kubernetes-group-version-kind"]);
    expect(within(extension, 2).flatMap((value) => texts(value, 2))).toEqual([
      '[{"group":"","kind":"ConfigMap","version":"v1"}]',
    ]);
    const pods = within(message, 8, 2).find((path) => texts(path, 1)[0] === "/api/v1/namespaces/{namespace}/pods");
    const queries = within(pods ?? new Uint8Array(), 2, 4, 8, 1, 2, 3).flatMap((query) => texts(query, 4));
    expect(queries).toContain("fieldValidation");
    expect(within(pods ?? new Uint8Array(), 2, 4, 8, 1, 1).flatMap((parameter) => texts(parameter, 2))).toEqual([
      "body",
    ]);
  });

  it.each([
    ["application/json", "application/json"],
    ["*/*", "application/json"],
    [`application/yaml, ${CLIENT_GO};q=0.5`, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"],
  ])("answers Accept: %s", (accept, type) => {
    expect(get({ accept }).headers["Content-Type"]).toBe(type);
  });

  it("refuses other types, and says nothing twice", () => {
    expect(() => get({ accept: "text/html" })).toThrow(StatusError);
    const etag = get().headers["ETag"] as string;
    expect(get({ "if-none-match": etag }).status).toBe(304);
  });
});

describe("swaggerMessage", () => {
  it("loses nothing without saying so", () => {
    expect(() => swaggerMessage({ swagger: "2.0", securityDefinitions: {} })).toThrow(/securityDefinitions/);
  });
});
