import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { call } from "../testing/api-calls.ts";
import type { Answer, CallOptions } from "../testing/api-calls.ts";
import { startTestApiServer } from "../testing/api-server.ts";
import type { TestApiServer } from "../testing/api-server.ts";
import type { ClusterRequest } from "../ports/cluster-transport.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";
const MERGE = { "content-type": "application/merge-patch+json" };

let api: TestApiServer;
beforeEach(async () => {
  api = await startTestApiServer();
});
afterEach(() => api.stop());

function send(method: ClusterRequest["method"], path: string, options?: CallOptions): Promise<Answer> {
  return call(api.connect(), method, path, options);
}

const configMap = (name: string, data: object = {}): object => ({ metadata: { name }, data });
const pod = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: { containers: [{ name: "c", image: "busybox" }], ...spec },
});

describe("create", () => {
  it("answers with the stored object, its system fields set", async () => {
    const { status, body } = await send("POST", CONFIG_MAPS, {
      body: { metadata: { name: "a", uid: "mine", resourceVersion: "", generation: 7 }, data: { k: "v" } },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ kind: "ConfigMap", apiVersion: "v1", data: { k: "v" } });
    expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.metadata.creationTimestamp).toBe("2026-01-01T00:00:00Z");
    expect(body.metadata.namespace).toBe("default");
    expect(body.metadata.generation).toBeUndefined();
    expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(0);
  });

  it("makes names, another one when the first is taken", async () => {
    const body = { metadata: { generateName: "job-" } };
    const made = await Promise.all(Array.from({ length: 20 }, () => send("POST", CONFIG_MAPS, { body })));
    const names = made.map((each) => String(each.body.metadata.name));
    expect(new Set(names).size).toBe(20);
    for (const name of names) expect(name).toMatch(/^job-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it("drops a namespace from what lives in none", async () => {
    const priority = (value: number) => ({
      metadata: { name: "p", namespace: "default" },
      value,
      preemptionPolicy: "Never",
    });
    const path = "/apis/scheduling.k8s.io/v1/priorityclasses";
    const made = await send("POST", path, { body: priority(5) });
    expect(made).toMatchObject({ status: 201, body: { metadata: { name: "p" }, value: 5 } });
    const changed = await send("PUT", `${path}/p`, { body: { ...priority(5), description: "d" } });
    expect(changed).toMatchObject({ status: 200, body: { description: "d" } });
    for (const { body } of [made, changed]) expect(body.metadata).not.toHaveProperty("namespace");
  });

  it("refuses what is there already", async () => {
    await send("POST", CONFIG_MAPS, { body: configMap("a") });
    const { status, body } = await send("POST", CONFIG_MAPS, { body: configMap("a") });
    expect(status).toBe(409);
    expect(body).toMatchObject({ reason: "AlreadyExists", message: 'configmaps "a" already exists' });
  });

  it.each([
    [{ data: {} }, 422, 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'],
    [
      { metadata: { name: "a", namespace: "other" } },
      400,
      "the namespace of the provided object does not match the namespace sent on the request",
    ],
    [
      { kind: "Secret", apiVersion: "v1", metadata: { name: "a" } },
      400,
      'cannot be handled as a ConfigMap: no kind "Secret"',
    ],
    [
      { apiVersion: "v2", metadata: { name: "a" } },
      400,
      "the API version in the data (v2) does not match the expected API version (v1)",
    ],
    [
      { metadata: { name: "a" }, data: [] },
      400,
      "json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string",
    ],
    [{ metadata: { name: "a", labels: { "-": "x" } } }, 422, "metadata.labels: Invalid value"],
    [
      { metadata: { name: "a", resourceVersion: "5" } },
      500,
      "resourceVersion should not be set on objects to be created",
    ],
  ])("refuses %j", async (body, code, message) => {
    const answer = await send("POST", CONFIG_MAPS, { body });
    expect(answer.status).toBe(code);
    expect(answer.body.message).toContain(message);
  });

  it("refuses text that is no JSON or YAML, with the place", async () => {
    const json = await send("POST", CONFIG_MAPS, { body: '{"metadata": {\n  "name": }}' });
    expect(json.status).toBe(400);
    expect(json.body.message).toContain("invalid character '}' looking for beginning of value (line 2, column 11)");
    const yaml = await send("POST", CONFIG_MAPS, {
      body: "metadata:\n  name: a\n  labels: [\n",
      headers: { "content-type": "application/yaml" },
    });
    expect(yaml.status).toBe(400);
    expect(yaml.body.message).toMatch(/yaml: line \d+, column \d+/);
  });

  it("reads YAML with the booleans of old", async () => {
    const { status, body } = await send("POST", PODS, {
      body: "metadata: {name: p}\nspec:\n  hostNetwork: yes\n  containers:\n  - {name: c, image: i, args: ['2020-01-01', 2020-01-02]}\n",
      headers: { "content-type": "application/yaml" },
    });
    expect(status).toBe(201);
    expect(body.spec).toMatchObject({ hostNetwork: true, containers: [{ args: ["2020-01-01", "2020-01-02"] }] });
  });

  it("warns of unknown and doubled fields, or refuses them, or says nothing", async () => {
    const body = '{"metadata":{"name":"a"},"data":{"x":"1","x":"2"},"spec":{}}';
    const warned = await send("POST", `${CONFIG_MAPS}?dryRun=All`, { body });
    expect(warned.status).toBe(201);
    expect(warned.headers["warning"]).toBe('299 - "unknown field \\"spec\\"", 299 - "duplicate field \\"data.x\\""');
    const strict = await send("POST", `${CONFIG_MAPS}?fieldValidation=Strict`, { body });
    expect(strict.status).toBe(400);
    expect(strict.body.message).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "spec", duplicate field "data.x"',
    );
    const ignored = await send("POST", `${CONFIG_MAPS}?fieldValidation=Ignore`, { body });
    expect(ignored.status).toBe(201);
    expect(ignored.headers["warning"]).toBeUndefined();
    expect(ignored.body.data).toEqual({ x: "2" });
  });

  it("stores nothing in a dry run", async () => {
    const { status, body } = await send("POST", `${CONFIG_MAPS}?dryRun=All`, { body: configMap("a") });
    expect(status).toBe(201);
    expect(body.metadata.resourceVersion).toBeUndefined();
    expect((await send("GET", `${CONFIG_MAPS}/a`)).status).toBe(404);
    const wrong = await send("POST", `${CONFIG_MAPS}?dryRun=Some`, { body: configMap("a") });
    expect(wrong.status).toBe(422);
  });

  it("refuses bodies that are too long", async () => {
    const { status, body } = await call(api.connect(), "POST", CONFIG_MAPS, { body: "x" });
    expect(status).toBe(400);
    expect(body.message).toContain("invalid character 'x' looking for beginning of value");
  });

  it("refuses CBOR, and protobuf of kinds it does not know", async () => {
    for (const type of ["application/cbor", "text/plain"]) {
      const { status, body } = await send("POST", CONFIG_MAPS, { body: "x", headers: { "content-type": type } });
      expect(status).toBe(415);
      expect(body.reason).toBe("UnsupportedMediaType");
    }
  });
});

describe("update", () => {
  it("writes the newest version only, and says so otherwise", async () => {
    const { body: first } = await send("POST", CONFIG_MAPS, { body: configMap("a", { x: "1" }) });
    const second = await send("PUT", `${CONFIG_MAPS}/a`, { body: { ...first, data: { x: "2" } } });
    expect(second.status).toBe(200);
    expect(second.body.data).toEqual({ x: "2" });
    const late = await send("PUT", `${CONFIG_MAPS}/a`, { body: { ...first, data: { x: "3" } } });
    expect(late.status).toBe(409);
    expect(late.body.message).toBe(
      'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
    );
    const unconditional = await send("PUT", `${CONFIG_MAPS}/a`, { body: configMap("a", { x: "4" }) });
    expect(unconditional.status).toBe(200);
    expect(unconditional.body.metadata.uid).toBe(first.metadata.uid);
  });

  it("keeps its version when nothing changes", async () => {
    const { body: first } = await send("POST", CONFIG_MAPS, { body: configMap("a", { x: "1" }) });
    const { body: again } = await send("PUT", `${CONFIG_MAPS}/a`, { body: configMap("a", { x: "1" }) });
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it("refuses another name, another uid, and objects that are not there", async () => {
    await send("POST", CONFIG_MAPS, { body: configMap("a") });
    const name = await send("PUT", `${CONFIG_MAPS}/a`, { body: configMap("b") });
    expect(name.body).toMatchObject({
      code: 400,
      message: "the name of the object (b) does not match the name on the URL (a)",
    });
    const uid = await send("PUT", `${CONFIG_MAPS}/a`, { body: { metadata: { name: "a", uid: "other" } } });
    expect(uid.status).toBe(409);
    expect(uid.body.message).toContain("Precondition failed: UID in precondition: other");
    expect((await send("PUT", `${CONFIG_MAPS}/nope`, { body: configMap("nope") })).status).toBe(404);
  });

  it("creates kinds that are made by updates", async () => {
    const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    const { status } = await send("PUT", `${leases}/l`, { body: { metadata: { name: "l" }, spec: {} } });
    expect(status).toBe(201);
    const unversioned = await send("PUT", `${leases}/l`, { body: { metadata: { name: "l" }, spec: {} } });
    expect(unversioned.status).toBe(422);
    expect(unversioned.body.message).toContain(
      "metadata.resourceVersion: Invalid value: 0: must be specified for an update",
    );
  });

  it("leaves the status to its subresource, and everything else to the main resource", async () => {
    const { body: made } = await send("POST", PODS, { body: { ...pod("p"), status: { phase: "Running" } } });
    expect(made.status.phase).toBe("Pending");
    expect(made.metadata.generation).toBe(1);
    const status = await send("PATCH", `${PODS}/p/status`, {
      body: { metadata: { labels: { seen: "yes" } }, spec: { nodeName: "n" }, status: { phase: "Running" } },
    });
    expect(status.status).toBe(200);
    expect(status.body.status.phase).toBe("Running");
    expect(status.body.spec.nodeName).toBeUndefined();
    expect(status.body.metadata.generation).toBe(1);
    const main = await send("PATCH", `${PODS}/p`, {
      body: { status: { phase: "Failed" }, spec: { containers: [{ name: "c", image: "busybox:2" }] } },
    });
    expect(main.body.status.phase).toBe("Running");
    expect(main.body.metadata.generation).toBe(2);
  });
});

describe("patch", () => {
  beforeEach(() => send("POST", CONFIG_MAPS, { body: configMap("a", { x: "1", y: "2" }) }));

  it("applies the three kinds of patches", async () => {
    const merge = await send("PATCH", `${CONFIG_MAPS}/a`, { body: { data: { x: null, z: "3" } }, headers: MERGE });
    expect(merge.body.data).toEqual({ y: "2", z: "3" });
    const json = await send("PATCH", `${CONFIG_MAPS}/a`, {
      body: [
        { op: "test", path: "/data/y", value: "2" },
        { op: "move", from: "/data/y", path: "/data/w" },
      ],
      headers: { "content-type": "application/json-patch+json" },
    });
    expect(json.body.data).toEqual({ w: "2", z: "3" });
    const strategic = await send("PATCH", `${CONFIG_MAPS}/a`, { body: { data: { $patch: "replace", only: "1" } } });
    expect(strategic.body.data).toEqual({ only: "1" });
  });

  it.each([
    [[{ op: "remove", path: "/data/nope" }], 422],
    [[{ op: "test", path: "/data/x", value: "9" }], 422],
    [[{ op: "replace", path: "/nope/deep/er", value: 1 }], 422],
    [[{ op: "frobnicate", path: "/data/x" }], 400],
    [{ op: "remove" }, 400],
    [[{ op: "add", path: "/__proto__/polluted", value: 1 }], 400],
    [
      [
        { op: "add", path: "/data/big", value: "x".repeat(1_000_000) },
        ...Array.from({ length: 20 }, (_, i) => ({ op: "copy", from: "/data/big", path: `/data/copy${i}` })),
      ],
      422,
    ],
  ])("refuses JSON patches that do not fit (case %#)", async (body, code) => {
    const headers = { "content-type": "application/json-patch+json" };
    const { status } = await send("PATCH", `${CONFIG_MAPS}/a`, { body, headers });
    expect(status).toBe(code);
    expect((await send("GET", `${CONFIG_MAPS}/a`)).body.data).toEqual({ x: "1", y: "2" });
  });

  it("refuses a result that is no object of the kind", async () => {
    const { status, body } = await send("PATCH", `${CONFIG_MAPS}/a`, { body: { data: "no" }, headers: MERGE });
    expect(status).toBe(422);
    expect(body.message).toContain("json: cannot unmarshal string into Go struct field ConfigMap.data");
  });

  it("refuses server-side apply as a media type, whatever else is asked", async () => {
    const { status, body } = await send("PATCH", `${CONFIG_MAPS}/a?force=true&fieldManager=x`, {
      body: "data: {}",
      headers: { "content-type": "application/apply-patch+yaml" },
    });
    expect(status).toBe(415);
    expect(body.message).toBe(
      "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json",
    );
  });

  it("loses no change when many patch the same object at once", async () => {
    const patches = Array.from({ length: 30 }, (_, index) =>
      send("PATCH", `${CONFIG_MAPS}/a`, { body: { data: { [`k${index}`]: "v" } }, headers: MERGE }),
    );
    for (const { status } of await Promise.all(patches)) expect(status).toBe(200);
    expect(Object.keys((await send("GET", `${CONFIG_MAPS}/a`)).body.data)).toHaveLength(32);
  });

  it("respects a version inside the patch", async () => {
    const { status } = await send("PATCH", `${CONFIG_MAPS}/a`, {
      body: { metadata: { resourceVersion: "1" }, data: { x: "9" } },
      headers: MERGE,
    });
    expect(status).toBe(409);
  });
});

describe("delete", () => {
  it("answers with a Status, or with the object for kinds that do so", async () => {
    await send("POST", CONFIG_MAPS, { body: configMap("a") });
    const plain = await send("DELETE", `${CONFIG_MAPS}/a`);
    expect(plain.body).toMatchObject({ kind: "Status", status: "Success", details: { name: "a", kind: "configmaps" } });
    await send("POST", PODS, { body: pod("p") });
    expect((await send("DELETE", `${PODS}/p`)).body).toMatchObject({ kind: "Pod" });
    expect((await send("DELETE", `${PODS}/p`)).status).toBe(404);
  });

  it("gives pods on a node their time, which can only become shorter", async () => {
    await send("POST", PODS, { body: pod("p", { nodeName: "n" }) });
    const marked = await send("DELETE", `${PODS}/p`);
    expect(marked.body.metadata).toMatchObject({
      deletionTimestamp: "2026-01-01T00:00:30Z",
      deletionGracePeriodSeconds: 30,
      generation: 2,
    });
    const longer = await send("DELETE", `${PODS}/p?gracePeriodSeconds=60`);
    expect(longer.body.metadata.deletionGracePeriodSeconds).toBe(30);
    const shorter = await send("DELETE", `${PODS}/p`, { body: { gracePeriodSeconds: 5 } });
    expect(shorter.body.metadata).toMatchObject({
      deletionTimestamp: "2026-01-01T00:00:05Z",
      deletionGracePeriodSeconds: 5,
    });
    await send("DELETE", `${PODS}/p`, { body: { gracePeriodSeconds: 0 } });
    expect((await send("GET", `${PODS}/p`)).status).toBe(404);
  });

  it("waits for finalizers, and for nothing once they are gone", async () => {
    await send("POST", CONFIG_MAPS, { body: { metadata: { name: "a", finalizers: ["example.com/hold"] } } });
    const marked = await send("DELETE", `${CONFIG_MAPS}/a`);
    expect(marked.body.metadata.deletionTimestamp).toBe("2026-01-01T00:00:00Z");
    const added = await send("PATCH", `${CONFIG_MAPS}/a`, {
      body: { metadata: { finalizers: ["example.com/hold", "example.com/more"] } },
      headers: MERGE,
    });
    expect(added.status).toBe(422);
    expect(added.body.message).toContain("no new finalizers can be added if the object is being deleted");
    const again = await send("POST", CONFIG_MAPS, { body: configMap("a") });
    expect(again.body.message).toBe('object is being deleted: configmaps "a" already exists');
    const released = await send("PATCH", `${CONFIG_MAPS}/a`, {
      body: { metadata: { finalizers: null } },
      headers: MERGE,
    });
    expect(released.status).toBe(200);
    expect((await send("GET", `${CONFIG_MAPS}/a`)).status).toBe(404);
  });

  it("turns the propagation policy into finalizers", async () => {
    for (const [policy, finalizer] of [
      ["Orphan", "orphan"],
      ["Foreground", "foregroundDeletion"],
    ]) {
      await send("POST", CONFIG_MAPS, { body: configMap("a") });
      const { body } = await send("DELETE", `${CONFIG_MAPS}/a`, { body: { propagationPolicy: policy } });
      expect(body.metadata.finalizers).toEqual([finalizer]);
      await send("PATCH", `${CONFIG_MAPS}/a`, { body: { metadata: { finalizers: null } }, headers: MERGE });
    }
    const wrong = await send("DELETE", `${CONFIG_MAPS}/a?propagationPolicy=Sideways`);
    expect(wrong.status).toBe(422);
  });

  it("checks preconditions", async () => {
    const { body: made } = await send("POST", CONFIG_MAPS, { body: configMap("a") });
    const { status, body } = await send("DELETE", `${CONFIG_MAPS}/a`, { body: { preconditions: { uid: "other" } } });
    expect(status).toBe(409);
    expect(body.message).toContain("the UID in the precondition (other) does not match the UID in record");
    const right = await send("DELETE", `${CONFIG_MAPS}/a`, { body: { preconditions: { uid: made.metadata.uid } } });
    expect(right.status).toBe(200);
  });

  it("deletes what a selector selects, in one namespace", async () => {
    for (const name of ["a", "b", "c"]) {
      await send("POST", CONFIG_MAPS, { body: { metadata: { name, labels: { keep: String(name === "c") } } } });
    }
    expect((await send("DELETE", "/api/v1/configmaps")).status).toBe(405);
    const { status, body } = await send("DELETE", `${CONFIG_MAPS}?labelSelector=keep!=true`);
    expect(status).toBe(200);
    expect(body.items).toHaveLength(2);
    const left = await send("GET", CONFIG_MAPS);
    expect(left.body.items.map((each: { metadata: { name: string } }) => each.metadata.name)).toEqual(["c"]);
  });

  it("empties a namespace before it lets it go", async () => {
    await send("POST", "/api/v1/namespaces", { body: { metadata: { name: "n" } } });
    const { body: marked } = await send("DELETE", "/api/v1/namespaces/n");
    expect(marked.status.phase).toBe("Terminating");
    const late = await send("POST", "/api/v1/namespaces/n/configmaps", { body: configMap("a") });
    expect(late.status).toBe(403);
    expect(late.body.message).toBe(
      'configmaps "a" is forbidden: unable to create new content in namespace n because it is being terminated',
    );
    expect(late.body.details.causes[0].reason).toBe("NamespaceTerminating");
    await send("PUT", "/api/v1/namespaces/n/finalize", { body: { ...marked, spec: { finalizers: [] } } });
    expect((await send("GET", "/api/v1/namespaces/n")).status).toBe(404);
    const immortal = await send("DELETE", "/api/v1/namespaces/default");
    expect(immortal.body.message).toBe('namespaces "default" is forbidden: this namespace may not be deleted');
    const nowhere = await send("POST", "/api/v1/namespaces/nope/configmaps", { body: configMap("a") });
    expect(nowhere.body).toMatchObject({ code: 404, message: 'namespaces "nope" not found' });
  });
});

describe("paths and methods", () => {
  it.each([
    ["GET", "/api/v1/widgets", 404],
    ["GET", "/apis/nope.example.com/v1/things", 404],
    ["GET", "/api/v1/pods/p", 404],
    ["GET", "/api/v1/namespaces/default/nodes", 404],
    ["GET", "/api/v1/namespaces/default/pods/p/frob", 404],
    ["POST", "/api/v1/pods", 405],
    ["POST", "/api/v1/namespaces/default/pods/p", 405],
    ["PUT", "/api/v1/namespaces/default/pods", 405],
    ["DELETE", "/api/v1/namespaces/default/pods/p/status", 405],
    ["POST", "/version", 405],
    ["GET", "/nothing/here", 404],
    ["GET", "/api/v1/watch", 400],
    ["GET", "/api/v1/namespaces/default/pods/..", 400],
    ["GET", "/api/v1/namespaces/default/pods/a%25b", 400],
  ] as const)("%s %s is answered %i with a Status", async (method, path, code) => {
    const { status, body } = await send(method, path, method === "GET" ? {} : { body: {} });
    expect(status).toBe(code);
    expect(body).toMatchObject({ kind: "Status", apiVersion: "v1", status: "Failure", code });
  });

  it("serves discovery in the old and the new form", async () => {
    const groups = await send("GET", "/apis");
    expect(groups.body.kind).toBe("APIGroupList");
    const core = await send("GET", "/api/v1");
    const names = core.body.resources.map((each: { name: string }) => each.name);
    expect(names).toEqual(
      expect.arrayContaining(["pods", "pods/status", "pods/binding", "pods/eviction", "namespaces/finalize"]),
    );
    const accept =
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
    const all = await send("GET", "/apis", { headers: { accept } });
    expect(all.headers["content-type"]).toBe("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    expect(all.body.kind).toBe("APIGroupDiscoveryList");
    const again = await send("GET", "/apis", { headers: { accept, "if-none-match": all.headers["etag"] ?? "" } });
    expect(again.status).toBe(304);
  });

  it("serves health, version, metrics and OpenAPI", async () => {
    expect((await send("GET", "/readyz")).text).toBe("ok");
    expect((await send("GET", "/livez?verbose")).text).toContain("[+]ping ok\n");
    expect((await send("GET", "/readyz/ping")).text).toBe("ok");
    expect((await send("GET", "/readyz/nope")).status).toBe(404);
    expect((await send("GET", "/version")).body).toMatchObject({ major: "1", minor: "36" });
    expect((await send("GET", "/metrics")).text).toContain("apiserver_request_total");
    const { body } = await send("GET", "/openapi/v3");
    const core = await send("GET", body.paths["api/v1"].serverRelativeURL);
    const patch = core.body.paths["/api/v1/namespaces/{namespace}/pods/{name}"].patch;
    expect(patch["x-kubernetes-group-version-kind"]).toEqual({ group: "", kind: "Pod", version: "v1" });
    expect(patch.parameters.map((each: { name: string }) => each.name)).toContain("fieldValidation");
  });

  it("counts no series by what clients make up", async () => {
    await send("GET", "/apis/made-up.example.com/v7/frobs/x");
    await send("GET", "/made-up-path");
    expect((await send("GET", "/metrics")).text).not.toContain("made-up");
  });
});

describe("what comes back", () => {
  beforeEach(async () => {
    for (const name of ["a", "b"]) await send("POST", CONFIG_MAPS, { body: configMap(name, { k: "v" }) });
  });

  it("is a table for kubectl", async () => {
    const accept =
      "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
    const { body } = await send("GET", CONFIG_MAPS, { headers: { accept } });
    expect(body).toMatchObject({ kind: "Table", apiVersion: "meta.k8s.io/v1" });
    expect(body.columnDefinitions.map((each: { name: string }) => each.name)).toEqual(["Name", "Data", "Age"]);
    expect(body.rows[0].cells).toEqual(["a", 1, "0s"]);
    expect(body.rows[0].object).toMatchObject({ kind: "PartialObjectMetadata", metadata: { name: "a" } });
    const none = await send("GET", `${CONFIG_MAPS}/a?includeObject=None`, { headers: { accept } });
    expect(none.body.rows[0].object).toBeUndefined();
    expect((await send("GET", `${CONFIG_MAPS}?includeObject=Much`, { headers: { accept } })).status).toBe(400);
  });

  it("is metadata only for whoever asks for that", async () => {
    const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    const { body } = await send("GET", CONFIG_MAPS, { headers: { accept } });
    expect(body.kind).toBe("PartialObjectMetadataList");
    expect(body.items[0].data).toBeUndefined();
    expect(body.items[0].metadata.name).toBe("a");
  });

  it("is YAML, or pretty, or refused", async () => {
    const yaml = await send("GET", `${CONFIG_MAPS}/a`, { headers: { accept: "application/yaml" } });
    expect(yaml.headers["content-type"]).toBe("application/yaml");
    expect(yaml.text).toContain("kind: ConfigMap\n");
    const pretty = await send("GET", `${CONFIG_MAPS}/a`, { headers: { "user-agent": "curl/8" } });
    expect(pretty.text).toContain('\n  "kind": "ConfigMap"');
    const protobuf = "application/vnd.kubernetes.protobuf";
    expect((await send("GET", `${CONFIG_MAPS}/a`, { headers: { accept: protobuf } })).status).toBe(406);
    const json = await send("GET", `${CONFIG_MAPS}/a`, { headers: { accept: `${protobuf},application/json` } });
    expect(json.status).toBe(200);
    const cbor = await send("POST", CONFIG_MAPS, { body: configMap("c"), headers: { accept: "application/cbor" } });
    expect(cbor.status).toBe(406);
    expect((await send("GET", `${CONFIG_MAPS}/c`)).status).toBe(404);
  });

  it("lists without repeating the type in items", async () => {
    const { body } = await send("GET", CONFIG_MAPS);
    expect(body).toMatchObject({ kind: "ConfigMapList", apiVersion: "v1" });
    expect(body.items[0].kind).toBeUndefined();
    expect(Object.keys(body.items[0])).toEqual(["metadata", "data"]);
  });
});
