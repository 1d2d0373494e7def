import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StatusError } from "../api/status-error.ts";
import type { ClusterRequest, ClusterTransport } from "../ports/cluster-transport.ts";
import { createClusterClient } from "./cluster-client.ts";
import { readJsonLines } from "./json-lines.ts";
import { NODES, PODS } from "./resources.ts";

function answering(
  status: number,
  chunks: readonly string[],
): { transport: ClusterTransport; requests: ClusterRequest[] } {
  const requests: ClusterRequest[] = [];
  return {
    requests,
    transport: {
      async send(request) {
        requests.push(request);
        return { status, headers: { "retry-after": "7" }, body: bytes(chunks.map((chunk) => Buffer.from(chunk))) };
      },
    },
  };
}

async function* bytes(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

const signal = new AbortController().signal;

describe("createClusterClient()", () => {
  it("addresses objects, collections and subresources by their paths", async () => {
    const { transport, requests } = answering(200, ['{"metadata":{},"items":null}']);
    const client = createClusterClient({ transport, userAgent: "test" });
    await client.get(PODS, { namespace: "default", name: "a b" }, signal);
    await client.list(PODS, { labelSelector: "app=x,tier!=y", limit: 5 }, signal);
    await client.updateStatus(NODES, { metadata: { name: "n" } }, signal);
    await client.patch(NODES, { name: "n" }, { type: "merge", value: {} }, signal, { subresource: "status" });
    await client.delete(PODS, { namespace: "x", name: "p" }, signal, { gracePeriodSeconds: 0 });
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "GET /api/v1/namespaces/default/pods/a%20b",
      "GET /api/v1/pods?labelSelector=app%3Dx%2Ctier%21%3Dy&limit=5",
      "PUT /api/v1/nodes/n/status",
      "PATCH /api/v1/nodes/n/status",
      "DELETE /api/v1/namespaces/x/pods/p",
    ]);
    expect(JSON.parse(String(requests[2]?.body))).toMatchObject({ apiVersion: "v1", kind: "Node" });
    expect(requests[3]?.headers?.["content-type"]).toBe("application/merge-patch+json");
    expect(JSON.parse(String(requests[4]?.body))).toMatchObject({ kind: "DeleteOptions", gracePeriodSeconds: 0 });
  });

  it("throws the server's Status as StatusError", async () => {
    const status = { kind: "Status", status: "Failure", reason: "NotFound", code: 404, message: 'pods "p" not found' };
    const client = createClusterClient({ ...answering(404, [JSON.stringify(status)]), userAgent: "test" });
    const failure = await client.get(PODS, { namespace: "x", name: "p" }, signal).catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(StatusError);
    expect(failure).toMatchObject({ reason: "NotFound", code: 404, message: 'pods "p" not found' });
  });

  it("makes a StatusError of an answer that is none", async () => {
    const client = createClusterClient({ ...answering(429, ["slow down"]), userAgent: "test" });
    const failure = await client.get(NODES, { name: "n" }, signal).catch((reason: unknown) => reason);
    expect(failure).toMatchObject({
      reason: "TooManyRequests",
      message: "GET /api/v1/nodes/n was answered with status 429: slow down",
      headers: { "Retry-After": "7" },
    });
  });

  it.each([
    "{}",
    "null",
    '"ok"',
    "<html>",
    '{"kind":"Status","metadata":{},"status":"Success"}',
    '{"metadata":{},"items":{}}',
    '{"metadata":{},"items":[{"kind":"Pod"}]}',
    '{"metadata":{},"items":[null]}',
  ])("does not take %s for a list, and least for an empty one", async (body) => {
    const client = createClusterClient({ ...answering(200, [body]), userAgent: "test" });
    await expect(client.list(PODS, {}, signal)).rejects.toMatchObject({
      code: "Unavailable",
      message: expect.stringContaining("GET /api/v1/pods was answered with something that is not"),
    });
  });

  it.each(["null", "7", "{}", '{"type":"ADDED"}', '{"type":"GONE","object":{"metadata":{}}}'])(
    "does not take %s for a watch event",
    async (line) => {
      const client = createClusterClient({ ...answering(200, [`${line}\n`]), userAgent: "test" });
      await expect(client.watch(PODS, {}, signal).next()).rejects.toMatchObject({ code: "Unavailable" });
    },
  );

  it("yields watch events and throws an ERROR event", async () => {
    const error = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version: 1 (5)" };
    const { transport } = answering(200, [
      '{"type":"ADDED","object":{"metadata":{"na',
      'me":"é"}}}\n{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}\n',
      `${JSON.stringify({ type: "ERROR", object: error })}\n`,
    ]);
    const client = createClusterClient({ transport, userAgent: "test" });
    const seen: string[] = [];
    const failure = await (async () => {
      for await (const event of client.watch(NODES, { resourceVersion: "1" }, signal)) seen.push(event.type);
      return undefined;
    })().catch((reason: unknown) => reason);
    expect(seen).toEqual(["ADDED", "BOOKMARK"]);
    expect(failure).toMatchObject({ code: 410, reason: "Expired" });
  });

  it("ends the request when the watch loop is left", async () => {
    const { transport, requests } = answering(200, [
      '{"type":"ADDED","object":{"metadata":{}}}\n',
      '{"type":"ADDED","object":{"metadata":{}}}\n',
    ]);
    const client = createClusterClient({ transport, userAgent: "test" });
    for await (const event of client.watch(NODES, {}, signal)) {
      expect(event.type).toBe("ADDED");
      break;
    }
    expect(requests[0]?.signal.aborted).toBe(true);
  });
});

describe("readJsonLines()", () => {
  it("gives the same values wherever the chunks break", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }),
        async (values, cuts) => {
          const whole = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
          const chunks: Uint8Array[] = [];
          for (let at = 0, turn = 0; at < whole.length; turn++) {
            const size = cuts[turn % cuts.length] ?? 1;
            chunks.push(whole.subarray(at, at + size));
            at += size;
          }
          const read: unknown[] = [];
          for await (const value of readJsonLines(bytes(chunks), 1_000_000)) read.push(value);
          expect(JSON.stringify(read)).toBe(JSON.stringify(values));
        },
      ),
    );
  });

  it("refuses a line that is too long", async () => {
    const lines = readJsonLines(bytes([Buffer.from("1234"), Buffer.from("5678\n")]), 6);
    await expect(lines.next()).rejects.toMatchObject({ code: "ResourceExhausted" });
  });
});
