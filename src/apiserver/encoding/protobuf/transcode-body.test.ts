import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeMessage, PROTOBUF_MEDIA_TYPE, writeEnvelope } from "../../../api/protobuf/index.ts";
import { call } from "../../../testing/api-calls.ts";
import type { Answer } from "../../../testing/api-calls.ts";
import { startTestApiServer } from "../../../testing/api-server.ts";
import type { TestApiServer } from "../../../testing/api-server.ts";
import type { ClusterTransport } from "../../../ports/cluster-transport.ts";

const HEADERS = { "content-type": PROTOBUF_MEDIA_TYPE, accept: `${PROTOBUF_MEDIA_TYPE},application/json` };

let running: TestApiServer;
let transport: ClusterTransport;
beforeAll(async () => {
  running = await startTestApiServer();
  transport = running.connect();
});
afterAll(() => running.stop());

type Sent = Readonly<Record<string, unknown>>;

function bodyOf(
  schema: string,
  type: { readonly apiVersion: string; readonly kind: string },
  object: Sent,
): Uint8Array {
  return writeEnvelope({ ...type, raw: encodeMessage(schema, object) });
}

function configMap(name: string, data: Readonly<Record<string, string>>, metadata: Sent = {}): Uint8Array {
  const type = { apiVersion: "v1", kind: "ConfigMap" };
  return bodyOf("V1ConfigMap", type, { metadata: { name, ...metadata }, data });
}

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";

function send(method: "POST" | "PUT" | "DELETE", path: string, body: Uint8Array): Promise<Answer> {
  return call(transport, method, path, { body, headers: HEADERS });
}

describe("a protobuf body", () => {
  it("creates and replaces objects as JSON does", async () => {
    const created = await send("POST", CONFIG_MAPS, configMap("a", { key: "ü" }));
    expect(created).toMatchObject({ status: 201, body: { kind: "ConfigMap", apiVersion: "v1", data: { key: "ü" } } });
    expect(created.headers["content-type"] ?? created.headers["Content-Type"]).toBe("application/json");
    const replaced = await send("PUT", `${CONFIG_MAPS}/a`, configMap("a", { key: "2" }));
    expect(replaced).toMatchObject({
      status: 200,
      body: { data: { key: "2" }, metadata: { uid: created.body.metadata.uid } },
    });
  });

  it("carries delete options, in the version of any group", async () => {
    await send("POST", CONFIG_MAPS, configMap("b", {}));
    const options = (uid: string) =>
      bodyOf("V1DeleteOptions", { apiVersion: "policy/v1", kind: "DeleteOptions" }, { preconditions: { uid } });
    expect(await send("DELETE", `${CONFIG_MAPS}/b`, options("another"))).toMatchObject({ status: 409 });
    const { body } = await call(transport, "GET", `${CONFIG_MAPS}/b`);
    expect(await send("DELETE", `${CONFIG_MAPS}/b`, options(body.metadata.uid))).toMatchObject({ status: 200 });
  });

  it("is checked as JSON is", async () => {
    const answer = await send("POST", CONFIG_MAPS, configMap("Bad_Name", {}));
    expect(answer).toMatchObject({ status: 422, body: { reason: "Invalid", details: { name: "Bad_Name" } } });
  });

  it("must be of the kind of the path", async () => {
    const secret = bodyOf("V1Secret", { apiVersion: "v1", kind: "Secret" }, { metadata: { name: "s" } });
    expect(await send("POST", CONFIG_MAPS, secret)).toMatchObject({ status: 400, body: { reason: "BadRequest" } });
  });

  it.each([
    ["is JSON", new TextEncoder().encode("{}"), "the object provided is unrecognized"],
    ["is cut off", configMap("c", { key: "value" }).subarray(0, -3), "unexpected EOF"],
    [
      "holds a broken message",
      writeEnvelope({ apiVersion: "v1", kind: "ConfigMap", raw: Uint8Array.of(0x08, 1) }),
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: proto: wrong wireType = 0 for field metadata',
    ],
    [
      "holds a kind that is not served",
      writeEnvelope({ apiVersion: "example.com/v1", kind: "Thing", raw: Uint8Array.of(0x0a, 0) }),
      'no kind "Thing" is registered for version "example.com/v1"',
    ],
  ])("that %s is a bad request", async (_what, body, text) => {
    const answer = await send("POST", CONFIG_MAPS, body);
    expect(answer).toMatchObject({ status: 400, body: { reason: "BadRequest" } });
    expect(answer.body.message).toContain(text);
  });

  it("is no patch", async () => {
    const answer = await call(transport, "PATCH", `${CONFIG_MAPS}/a`, { body: configMap("a", {}), headers: HEADERS });
    expect(answer).toMatchObject({ status: 415, body: { reason: "UnsupportedMediaType" } });
  });

  it("is named among what is accepted", async () => {
    const headers = { "content-type": "application/xml" };
    const answer = await call(transport, "POST", CONFIG_MAPS, { body: "<a/>", headers });
    expect(answer.status).toBe(415);
    expect(answer.body.message).toBe(
      "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    );
  });

  it("does not make an answer in protobuf alone possible", async () => {
    const headers = { ...HEADERS, accept: PROTOBUF_MEDIA_TYPE };
    const answer = await call(transport, "POST", CONFIG_MAPS, { body: configMap("d", {}), headers });
    expect(answer).toMatchObject({ status: 406, body: { reason: "NotAcceptable" } });
  });
});
