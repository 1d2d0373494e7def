import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { call } from "../../testing/api-calls.ts";
import type { Answer, CallOptions } from "../../testing/api-calls.ts";
import { startTestApiServer } from "../../testing/api-server.ts";
import type { TestApiServer } from "../../testing/api-server.ts";
import type { ClusterRequest } from "../../ports/cluster-transport.ts";

const PODS = "/api/v1/namespaces/default/pods";
const CONTAINER = { name: "c", image: "busybox", resources: { requests: { cpu: "100m" }, limits: { cpu: "200m" } } };
const POD = { metadata: { name: "p" }, spec: { containers: [CONTAINER] } };
const BINDING = { metadata: { name: "p" }, target: { kind: "Node", name: "n" } };

let api: TestApiServer;
beforeEach(async () => {
  api = await startTestApiServer();
  await send("POST", PODS, { body: POD });
});
afterEach(() => api.stop());

function send(method: ClusterRequest["method"], path: string, options?: CallOptions): Promise<Answer> {
  return call(api.connect(), method, path, options);
}

describe("pods/binding", () => {
  it.each(["binding", "eviction"])("is only made: nobody reads or changes %s", async (subresource) => {
    expect((await send("GET", `${PODS}/p/${subresource}`)).status).toBe(405);
    expect((await send("PUT", `${PODS}/p/${subresource}`, { body: {} })).status).toBe(405);
  });

  it("puts a pod on a node, once", async () => {
    const bound = await send("POST", `${PODS}/p/binding`, { body: BINDING });
    expect(bound.status).toBe(201);
    expect(bound.body).toMatchObject({ kind: "Status", status: "Success" });
    const { body } = await send("GET", `${PODS}/p`);
    expect(body.spec.nodeName).toBe("n");
    expect(body.status.conditions).toMatchObject([{ type: "PodScheduled", status: "True" }]);
    const again = await send("POST", `${PODS}/p/binding`, { body: BINDING });
    expect(again.status).toBe(409);
    expect(again.body.message).toBe(
      'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n"',
    );
  });

  it("works by the name inside the object too", async () => {
    const { status } = await send("POST", "/api/v1/namespaces/default/bindings", { body: BINDING });
    expect(status).toBe(201);
    expect((await send("GET", `${PODS}/p`)).body.spec.nodeName).toBe("n");
  });

  it.each([
    [{ ...BINDING, metadata: { name: "other" } }, 400],
    [{ ...BINDING, target: { kind: "Node" } }, 422],
    [{ ...BINDING, target: { kind: "Moon", name: "n" } }, 422],
    [{ ...BINDING, metadata: { name: "p", uid: "other" } }, 409],
  ])("refuses %j", async (body, code) => {
    expect((await send("POST", `${PODS}/p/binding`, { body })).status).toBe(code);
  });

  it("stores nothing in a dry run, and knows when there is no pod", async () => {
    await send("POST", `${PODS}/p/binding?dryRun=All`, { body: BINDING });
    expect((await send("GET", `${PODS}/p`)).body.spec.nodeName).toBeUndefined();
    const nowhere = await send("POST", `${PODS}/q/binding`, { body: { ...BINDING, metadata: { name: "q" } } });
    expect(nowhere.status).toBe(404);
  });
});

describe("pods/eviction", () => {
  it("deletes with the options given", async () => {
    await send("POST", `${PODS}/p/binding`, { body: BINDING });
    const body = { metadata: { name: "p" }, deleteOptions: { gracePeriodSeconds: 7 } };
    const { status } = await send("POST", `${PODS}/p/eviction`, {
      body: { ...body, apiVersion: "policy/v1", kind: "Eviction" },
    });
    expect(status).toBe(201);
    expect((await send("GET", `${PODS}/p`)).body.metadata.deletionGracePeriodSeconds).toBe(7);
  });
});

describe("pods/ephemeralcontainers", () => {
  const debuggers = (...names: readonly string[]): object => ({
    spec: { ephemeralContainers: names.map((name) => ({ name, image: "busybox" })) },
  });

  it("adds containers and lets nobody take them away or change anything else", async () => {
    const added = await send("PATCH", `${PODS}/p/ephemeralcontainers`, { body: debuggers("d") });
    expect(added.status).toBe(200);
    expect(added.body.spec.ephemeralContainers).toMatchObject([{ name: "d", image: "busybox" }]);
    expect(added.body.metadata.generation).toBe(2);
    const body = { ...added.body, spec: { ...added.body.spec, ephemeralContainers: [], nodeName: "n" } };
    const removed = await send("PUT", `${PODS}/p/ephemeralcontainers`, { body });
    expect(removed.status).toBe(422);
    expect(removed.body.message).toContain('existing ephemeral containers "d" may not be removed');
    const wrong = await send("PATCH", `${PODS}/p/ephemeralcontainers`, { body: debuggers("c") });
    expect(wrong.status).toBe(422);
  });
});

describe("pods/resize", () => {
  it("changes resources of containers, and only these", async () => {
    const body = { spec: { nodeName: "n", containers: [{ name: "c", resources: { requests: { cpu: "150m" } } }] } };
    const { status, body: resized } = await send("PATCH", `${PODS}/p/resize`, { body });
    expect(status).toBe(200);
    expect(resized.spec.containers[0].resources.requests.cpu).toBe("150m");
    expect(resized.spec.nodeName).toBeUndefined();
    expect(resized.metadata.generation).toBe(2);
  });
});
