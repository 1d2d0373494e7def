import { Registry } from "prom-client";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpClient } from "../../adapters/http/client.ts";
import { createHttpServer } from "../../adapters/http/server.ts";
import { notFound, StatusError } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import type { Authorizer } from "../../core/authz/attributes.ts";
import type { ConnectMode } from "../../core/authz/kubelet-request.ts";
import type { HttpRequest, HttpResponse } from "../../ports/http.ts";
import { createTestIdentities, listenHttp } from "../../testing/http-listener.ts";
import { quietLog, seededRandom } from "../../testing/quiet.ts";
import { parseRequestInfo } from "../request-info.ts";
import { createStreamMetrics } from "./stream-metrics.ts";
import { createProxySubresources } from "./subresources.ts";

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

const identities = createTestIdentities(Date.now());
const user: User = { name: "jane", groups: [], extra: {} };

interface Cluster {
  /** Sends a request to the subresources through a real connection. */
  readonly call: (method: string, target: string, headers?: Record<string, string>, body?: string) => Promise<Called>;
  readonly atKubelet: HttpRequest[];
  readonly getOnly: unknown[];
  readonly metrics: () => Promise<string>;
}

interface Called {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Bytes echoed after an upgrade. */
  readonly echoed?: string;
}

interface ClusterOptions {
  readonly authorize?: Authorizer;
  readonly mode?: ConnectMode;
  readonly kubelet?: (request: HttpRequest) => Promise<HttpResponse>;
  readonly objects?: Readonly<Record<string, KubernetesObject>>;
}

const deny: Authorizer = async () => ({ decision: "no-opinion", reason: "" });

async function kubeletAnswer(request: HttpRequest): Promise<HttpResponse> {
  if (request.upgrade !== undefined) {
    const connection = request.upgrade.acceptRaw({ Upgrade: request.upgrade.protocol, Connection: "Upgrade" });
    const done = (async () => {
      for await (const chunk of connection.readable) await connection.write(chunk);
    })();
    return { status: 101, upgraded: true, done };
  }
  if (request.path === "/redirect") return { status: 302, headers: { location: "/elsewhere?x=1" } };
  const body = request.method === "POST" ? new TextDecoder().decode(await request.body(1000)) : "";
  return { status: 200, headers: { "x-answer": "yes" }, body: `${request.method} ${request.target} ${body}` };
}

async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { ca, serving, client } = await identities;
  const atKubelet: HttpRequest[] = [];
  const kubelet = await listenHttp(
    async (request) => {
      atKubelet.push(request);
      return (options.kubelet ?? kubeletAnswer)(request);
    },
    { tls: { ...serving, requestCert: true } },
  );
  const node = {
    metadata: { name: "n1" },
    status: {
      // Loopback may not be proxied to, so the client below sends 10.9.9.9 there.
      addresses: [{ type: "InternalIP", address: "10.9.9.9" }],
      daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
    },
  };
  const pod = (name: string, containers: readonly string[], nodeName = "n1"): KubernetesObject => ({
    metadata: { name, namespace: "ns" },
    spec: { nodeName, containers: containers.map((container) => ({ name: container })) },
    status: { podIPs: [{ ip: "10.9.9.9" }] },
  });
  const stored: Record<string, KubernetesObject> = {
    "nodes//n1": node,
    "pods/ns/one": pod("one", ["main"]),
    "pods/ns/two": pod("two", ["a", "b"]),
    "pods/ns/nowhere": pod("nowhere", ["main"], ""),
    ...options.objects,
  };
  const real = createHttpClient({
    tls: () => ({ trust: { by: "ca", ca, serverName: "localhost" }, cert: client.cert, key: client.key }),
  });
  const toLoopback = <T extends { readonly host: string }>(request: T): T => ({ ...request, host: "127.0.0.1" });
  const kubeletClient = {
    send: (request: Parameters<typeof real.send>[0]) => real.send(toLoopback(request)),
    upgrade: (request: Parameters<typeof real.upgrade>[0]) => real.upgrade(toLoopback(request)),
  };
  const getOnly: unknown[] = [];
  const registry = new Registry();
  const metrics = createStreamMetrics(registry);
  const subresources = createProxySubresources(
    {
      objects: {
        async get(kind, namespace, name) {
          const found = stored[`${kind}/${namespace}/${name}`];
          if (found === undefined) throw notFound({ group: "", resource: kind }, name);
          return found;
        },
      },
      random: seededRandom(1),
      authorize: options.authorize ?? deny,
      log: quietLog(),
      mode: options.mode ?? "enforce",
      observe: {
        getOnlyConnect: (attempt) => {
          getOnly.push(attempt);
          metrics.getOnlyConnect(attempt);
        },
        webSocket: metrics.webSocket,
      },
      kubelet: kubeletClient,
      kubeletUnverified: kubeletClient,
      backend: kubeletClient,
    },
    { splitStreams: false },
  );
  const front = await listenHttp(async (request) => {
    const info = parseRequestInfo(request);
    const found = subresources.find((one) => one.resource === info.resource && one.subresource === info.subresource);
    if (found === undefined) throw new Error(`no subresource for ${request.path}`);
    return found.handle({ request, info, user, signal: request.signal });
  });
  running.push(front, kubelet);
  const direct = createHttpClient({ tls: () => ({ trust: { by: "nobody" } }) });
  return {
    atKubelet,
    getOnly,
    metrics: () => registry.metrics(),
    async call(method, target, headers = {}, body = "") {
      const request = {
        scheme: "http" as const,
        host: "127.0.0.1",
        port: front.port,
        target,
        method,
        headers,
        body,
        signal: new AbortController().signal,
      };
      const { response, connection } =
        headers["upgrade"] === undefined
          ? { response: await direct.send(request), connection: undefined }
          : await direct.upgrade(request);
      let text = "";
      for await (const chunk of response.body) text += new TextDecoder().decode(chunk);
      if (connection === undefined) return { status: response.status, text, headers: response.headers };
      await connection.write(new TextEncoder().encode("hi"));
      const first = await connection.readable[Symbol.asyncIterator]().next();
      connection.destroy();
      return {
        status: response.status,
        text,
        headers: response.headers,
        echoed: new TextDecoder().decode(first.value),
      };
    },
  };
}

const UPGRADE = { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": "v4.channel.k8s.io" };
const messageOf = ({ text }: Called): string => (JSON.parse(text) as { message: string }).message;

describe("pods/exec, attach and portforward", () => {
  it("go to the kubelet of the pod's node as the API server, with the kubelet's own parameters", async () => {
    const { call, atKubelet } = await startCluster();
    const target =
      "/api/v1/namespaces/ns/pods/one/exec?command=sh&command=-c&command=a%20b&stdin=true&stdout=true&stderr=false&tty=0&container=main";
    const called = await call("POST", target, { ...UPGRADE, authorization: "Bearer secret", "x-custom": "kept" });
    expect([called.status, called.echoed]).toEqual([101, "hi"]);
    const [seen] = atKubelet;
    expect(seen?.target).toBe("/exec/ns/one/main?input=1&output=1&command=sh&command=-c&command=a+b");
    expect([seen?.method, seen?.headers["authorization"], seen?.headers["x-custom"]]).toEqual([
      "POST",
      undefined,
      "kept",
    ]);
    expect(seen?.peer.certificates.length).toBeGreaterThan(0);
  });

  it("name the only container, and forward ports", async () => {
    const { call, atKubelet } = await startCluster();
    await call("POST", "/api/v1/namespaces/ns/pods/one/attach?stdout=1", UPGRADE);
    await call("POST", "/api/v1/namespaces/ns/pods/one/portforward?ports=80&ports=443", UPGRADE);
    expect(atKubelet.map(({ target }) => target)).toEqual([
      "/attach/ns/one/main?output=1",
      "/portForward/ns/one?port=80%2C443",
    ]);
  });

  it.each([
    ["two", "", "a container name must be specified for pod two, choose one of: [a b]"],
    ["one", "&container=x", "container x is not valid for pod one"],
    ["nowhere", "", "pod nowhere does not have a host assigned"],
    ["one", "&dryRun=All", "dryRun is not supported"],
  ])("answer 400 for pod %s with %s", async (name, query, text) => {
    const { call } = await startCluster();
    const called = await call("POST", `/api/v1/namespaces/ns/pods/${name}/exec?stdout=1${query}`, UPGRADE);
    expect([called.status, messageOf(called)]).toEqual([400, text]);
  });

  it("want an upgrade, a known method and a pod", async () => {
    const { call } = await startCluster();
    const plain = await call("POST", "/api/v1/namespaces/ns/pods/one/exec?stdout=1");
    expect([plain.status, messageOf(plain)]).toEqual([400, "Upgrade request required"]);
    expect((await call("PUT", "/api/v1/namespaces/ns/pods/one/exec?stdout=1")).status).toBe(405);
    expect((await call("POST", "/api/v1/namespaces/ns/pods/none/exec?stdout=1", UPGRADE)).status).toBe(404);
  });

  it("need create whatever the method, before anything reaches the kubelet", async () => {
    const { call, atKubelet, getOnly, metrics } = await startCluster();
    const called = await call("GET", "/api/v1/namespaces/ns/pods/one/exec?stdout=1", UPGRADE);
    expect(called.status).toBe(403);
    expect(messageOf(called)).toBe(
      'pods "one" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "ns"',
    );
    expect(atKubelet).toEqual([]);
    expect(getOnly).toEqual([{ user: "jane", resource: "pods/exec", name: "one", refused: true }]);
    expect(await metrics()).toContain(
      'orlop_apiserver_get_only_connects_total{resource="pods/exec",decision="refused"} 1',
    );
  });

  it("let GET through for those who may create, and in the modes that only warn or do not ask", async () => {
    const asked: unknown[] = [];
    const allow: Authorizer = async (attributes) => {
      asked.push(attributes);
      return { decision: "allow", reason: "" };
    };
    const target = "/api/v1/namespaces/ns/pods/one/exec?stdout=1";
    const outcomes = [
      await startCluster({ authorize: allow }),
      await startCluster({ mode: "warn" }),
      await startCluster({ mode: "legacy" }),
    ].map(async ({ call, getOnly }) => [(await call("GET", target, UPGRADE)).status, getOnly.length]);
    expect(await Promise.all(outcomes)).toEqual([
      [101, 0],
      [101, 1],
      [101, 0],
    ]);
    expect(asked).toMatchObject([
      { verb: "create", resource: "pods", subresource: "exec", namespace: "ns", name: "one" },
    ]);
  });

  it("count the WebSockets that go on to a kubelet", async () => {
    const { call, metrics } = await startCluster({ authorize: async () => ({ decision: "allow", reason: "" }) });
    const target = "/api/v1/namespaces/ns/pods/one/attach?stdout=1";
    await call("GET", target, UPGRADE);
    expect(await metrics()).not.toContain("proxied_to_kubelet");
    await call("GET", target, { ...UPGRADE, upgrade: "websocket" });
    expect(await metrics()).toContain(
      'apiserver_websocket_streaming_requests_total{subresource="attach",proxy_type="proxied_to_kubelet"} 1',
    );
  });

  it("say when the kubelet can not be reached", async () => {
    const { call } = await startCluster({
      objects: {
        "nodes//n1": {
          metadata: { name: "n1" },
          status: {
            addresses: [{ type: "InternalIP", address: "10.9.9.9" }],
            daemonEndpoints: { kubeletEndpoint: { Port: 1 } },
          },
        } as KubernetesObject,
      },
    });
    const called = await call("POST", "/api/v1/namespaces/ns/pods/one/exec?stdout=1", UPGRADE);
    expect(called.status).toBe(500);
    expect(messageOf(called)).toContain("error dialing backend: ");
  });
});

describe("pods/log", () => {
  it("streams what the kubelet sends", async () => {
    const { call, atKubelet } = await startCluster();
    const called = await call("GET", "/api/v1/namespaces/ns/pods/one/log?tailLines=5&follow=1");
    expect([called.status, called.headers["content-type"]]).toEqual([200, "text/plain"]);
    expect(called.text).toBe("GET /containerLogs/ns/one/main?follow=true&tailLines=5 ");
    expect(atKubelet).toHaveLength(1);
  });

  it.each([
    [
      400,
      'container "main" in pod "one" is waiting to start: ContainerCreating',
      400,
      "BadRequest",
      'container "main" in pod "one" is waiting to start: ContainerCreating',
    ],
    [404, "x", 404, "NotFound", "the server could not find the requested resource ( pods/log one)"],
    [500, "broken", 500, "InternalError", "Internal error occurred: broken"],
    [
      302,
      "",
      302,
      undefined,
      "the server responded with the status code 302 but did not return more information ( pods/log one)",
    ],
  ])("turns the kubelet's %i into a Status", async (status, body, code, reason, message) => {
    const { call } = await startCluster({ kubelet: async () => ({ status, headers: {}, body }) });
    const called = await call("GET", "/api/v1/namespaces/ns/pods/one/log");
    expect(JSON.parse(called.text)).toMatchObject({ code, message, ...(reason !== undefined && { reason }) });
    expect(called.status).toBe(code);
  });

  it("is empty for a pod without a node, and refuses options that do not fit", async () => {
    const { call } = await startCluster();
    expect((await call("GET", "/api/v1/namespaces/ns/pods/nowhere/log")).status).toBe(204);
    const invalid = await call("GET", "/api/v1/namespaces/ns/pods/one/log?tailLines=-1");
    expect([invalid.status, messageOf(invalid)]).toEqual([
      422,
      'PodLogOptions "one" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
    ]);
  });
});

describe("nodes/proxy", () => {
  const base = "/api/v1/nodes/n1/proxy";

  it("passes requests on with query, body and the caller's headers, but not its credentials", async () => {
    const { call, atKubelet } = await startCluster();
    const called = await call(
      "POST",
      `${base}/stats/a%20b/?x=%2F`,
      { authorization: "Bearer secret", "x-a": "1" },
      "hello",
    );
    expect([called.status, called.text, called.headers["x-answer"]]).toEqual([
      200,
      "POST /stats/a%20b/?x=%2F hello",
      "yes",
    ]);
    const headers = atKubelet[0]?.headers;
    expect([headers?.["authorization"], headers?.["x-a"], headers?.["x-forwarded-uri"]]).toEqual([
      undefined,
      "1",
      `${base}/stats/a%20b/`,
    ]);
  });

  it("redirects to the slash, and leads the kubelet's redirects back through itself", async () => {
    const { call } = await startCluster();
    const slash = await call("GET", `${base}?x=1`);
    expect([slash.status, slash.headers["location"]]).toEqual([301, `${base}/?x=1`]);
    const redirected = await call("GET", `${base}/redirect`);
    expect([redirected.status, redirected.headers["location"]]).toEqual([302, `${base}/elsewhere?x=1`]);
  });

  it.each([
    "/exec/ns/one/main",
    "/run/ns/one/main",
    "//exec/ns",
    "/pods/../exec/ns",
    "/%65xec/ns",
    "/exec%2Fns",
    "/portForward/ns/one",
    "/attach",
  ])("needs create for GET %s", async (path) => {
    const { call, atKubelet } = await startCluster();
    const called = await call("GET", `${base}${path}`);
    expect([called.status, atKubelet.length]).toEqual([403, 0]);
    expect(messageOf(called)).toBe(
      'nodes "n1" is forbidden: User "jane" cannot create resource "nodes/proxy" in API group "" at the cluster scope',
    );
  });

  it("needs create for any upgrade, and nothing more for reading", async () => {
    const { call } = await startCluster();
    expect((await call("GET", `${base}/metrics`, UPGRADE)).status).toBe(403);
    expect((await call("GET", `${base}/metrics`)).status).toBe(200);
    expect((await call("GET", `${base}/EXEC/x`)).status).toBe(200);
    const allow: Authorizer = async () => ({ decision: "allow", reason: "" });
    const { call: callAllowed } = await startCluster({ authorize: allow });
    expect(await callAllowed("GET", `${base}/exec/ns/one/main`, UPGRADE)).toMatchObject({ status: 101, echoed: "hi" });
  });

  it("goes to no address that trusts its neighbours", async () => {
    const { call } = await startCluster({
      objects: {
        "nodes//n1": {
          metadata: { name: "n1" },
          status: { addresses: [{ type: "InternalIP", address: "169.254.169.254" }] },
        } as KubernetesObject,
      },
    });
    const called = await call("GET", `${base}/metrics`);
    expect([called.status, messageOf(called)]).toEqual([400, "address not allowed"]);
  });

  it("refuses names that are none of its three forms", async () => {
    const { call } = await startCluster();
    const called = await call("GET", "/api/v1/nodes/ftp:n1:80/proxy/x");
    expect([called.status, messageOf(called)]).toEqual([400, 'invalid node request "ftp:n1:80"']);
  });
});

describe("pods/proxy and services/proxy", () => {
  it("say when nobody answers", async () => {
    const { call } = await startCluster();
    const called = await call("GET", "/api/v1/namespaces/ns/pods/one:1/proxy/x");
    expect([called.status, JSON.parse(called.text)]).toMatchObject([503, { reason: "ServiceUnavailable" }]);
    expect(messageOf(called)).toContain("error trying to reach service: ");
  });

  it("lead to endpoints that are pods of the namespace, and to no other address", async () => {
    const backend = createHttpServer(
      {
        handler: async (request) => ({ status: 200, headers: {}, body: `backend ${request.target}` }),
        log: quietLog(),
      },
      { name: "backend", host: "127.0.0.1", port: 0, tls: undefined },
    );
    const stop = new AbortController();
    let ended: Promise<void> = Promise.resolve();
    await new Promise<void>((resolve) => {
      ended = backend.run(stop.signal, resolve);
    });
    running.push({
      async stop() {
        stop.abort();
        await ended;
      },
    });
    const endpoints = (ip: string): KubernetesObject =>
      ({
        metadata: { name: "web", namespace: "ns" },
        subsets: [
          {
            ports: [{ name: "http", port: backend.address().port }],
            addresses: [{ ip, targetRef: { kind: "Pod", name: "one", namespace: "ns" } }],
          },
        ],
      }) as KubernetesObject;
    const service = {
      metadata: { name: "web", namespace: "ns" },
      spec: { ports: [{ name: "http", port: 80 }] },
    } as KubernetesObject;
    const { call } = await startCluster({
      objects: { "services/ns/web": service, "endpoints/ns/web": endpoints("10.9.9.9") },
    });
    const answers = [
      await call("GET", "/api/v1/namespaces/ns/services/web:80/proxy/a"),
      await call("GET", "/api/v1/namespaces/ns/services/http:web:http/proxy/b?c"),
    ];
    expect(answers.map(({ text }) => text)).toEqual(["backend /a", "backend /b?c"]);
    const unknown = await call("GET", "/api/v1/namespaces/ns/services/web:81/proxy/a");
    expect(messageOf(unknown)).toBe('no service port 81 found for service "web"');
    const stranger = await startCluster({
      objects: { "services/ns/web": service, "endpoints/ns/web": endpoints("10.1.1.1") },
    });
    const refused = await stranger.call("GET", "/api/v1/namespaces/ns/services/web:80/proxy/a");
    expect([refused.status, messageOf(refused)]).toEqual([503, 'no endpoints available for service "web:80"']);
  });
});

describe("declarations", () => {
  it("name kind and verbs for discovery", async () => {
    const nothing = { send: () => Promise.reject(new Error("no")), upgrade: () => Promise.reject(new Error("no")) };
    const declared = createProxySubresources(
      {
        objects: { get: () => Promise.reject(new StatusError({ message: "no" })) },
        random: seededRandom(1),
        authorize: deny,
        log: quietLog(),
        mode: "enforce",
        kubelet: nothing,
        kubeletUnverified: nothing,
        backend: nothing,
      },
      { splitStreams: false },
    ).map(({ resource, subresource, kind, verbs, namespaced }) => [
      `${resource}/${subresource}`,
      kind.kind,
      verbs.join(),
      namespaced,
    ]);
    expect(declared).toEqual([
      ["pods/exec", "PodExecOptions", "create,get", true],
      ["pods/attach", "PodAttachOptions", "create,get", true],
      ["pods/portforward", "PodPortForwardOptions", "create,get", true],
      ["pods/log", "Pod", "get", true],
      ["pods/proxy", "PodProxyOptions", "create,delete,get,patch,update", true],
      ["services/proxy", "ServiceProxyOptions", "create,delete,get,patch,update", true],
      ["nodes/proxy", "NodeProxyOptions", "create,delete,get,patch,update", false],
    ]);
  });
});
