import { afterEach, describe, expect, it } from "vitest";
import { createAuthority } from "../../adapters/tls/certificate-authority.ts";
import { createCertificateRequest } from "../../adapters/tls/certificate-request.ts";
import { createCertificateSigner } from "../../adapters/tls/certificate-signer.ts";
import { generateKeyPair } from "../../adapters/tls/key-pair.ts";
import { createFeatureGates } from "../../api/feature-gates.ts";
import type { StatusError } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import type { ClusterRequest } from "../../ports/cluster-transport.ts";
import type { Log } from "../../ports/log.ts";
import { readAll } from "../../machinery/json-lines.ts";
import { ADMIN, startTestApiServer, type TestApiServer } from "../../testing/api-server.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { createAuthorization, type Authorization } from "./authorization.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const CSR = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const NOW = Date.UTC(2026, 3, 24);
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => quiet };

let running: TestApiServer | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(): Promise<TestApiServer> {
  const clock = createFakeClock(NOW);
  const authority = await createAuthority(generateKeyPair(), {
    commonName: "ca",
    notBefore: NOW - 1000,
    notAfter: NOW + 1e12,
  });
  const signer = createCertificateSigner({ authority, clock });
  let authorization: Authorization | undefined;
  const server = await startTestApiServer({
    clock,
    parts: (objects) => {
      const made = createAuthorization({
        objects,
        clock,
        log: quiet,
        gates: createFeatureGates(),
        inspectCertificateRequest: (pem) => signer.inspect(pem),
      });
      authorization = made;
      return { authorize: made.authorize, virtualResources: made.virtualResources, admission: made.admission };
    },
  });
  running = server;
  await authorization?.ensureDefaults(new AbortController().signal);
  return server;
}

const known = (name: string, ...groups: string[]): User => ({
  name,
  groups: [...groups, "system:authenticated"],
  extra: {},
});
const jane = known("jane", "dev");
const node1 = known("system:node:node1", "system:nodes");

interface Answer {
  readonly code: number;
  readonly body: KubernetesObject & { readonly message?: string };
}

async function call(
  server: TestApiServer,
  user: User,
  method: ClusterRequest["method"],
  path: string,
  object?: object,
): Promise<Answer> {
  const response = await server.connect(user).send({
    method,
    path,
    signal: new AbortController().signal,
    headers: { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" },
    ...(object !== undefined && { body: JSON.stringify(object) }),
  });
  const text = new TextDecoder().decode(await readAll(response.body, 2 ** 24));
  return { code: response.status, body: JSON.parse(text) as Answer["body"] };
}

async function make(server: TestApiServer, path: string, object: object): Promise<KubernetesObject> {
  const { code, body } = await call(server, ADMIN, "POST", path, object);
  expect(code, JSON.stringify(body)).toBe(201);
  return body;
}

const role = (name: string, ...rules: object[]) => ({ metadata: { name }, rules });
const bind = (name: string, roleName: string, subject: object, kind = "ClusterRole") => ({
  metadata: { name },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: roleName },
  subjects: [subject],
});
const toJane = { kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "jane" };

describe("authorization of the embedded server", () => {
  it("makes the default roles, once", async () => {
    const server = await start();
    const { body } = await call(server, ADMIN, "GET", `${RBAC}/clusterroles/system:kubelet-api-admin`);
    expect(JSON.stringify(body)).toContain("nodes/checkpoint");
    expect(server.objects.list("clusterrolebindings.rbac.authorization.k8s.io", "").length).toBeGreaterThan(50);
    const roles = server.objects.list("roles.rbac.authorization.k8s.io", "kube-public");
    expect(roles.map(({ metadata }) => metadata?.name)).toEqual(["system:controller:bootstrap-signer"]);
  });

  it("follows roles and bindings as they come and go", async () => {
    const server = await start();
    expect((await call(server, jane, "GET", "/api/v1/namespaces/default/pods")).body.message).toBe(
      'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
    );
    await make(
      server,
      `${RBAC}/clusterroles`,
      role("reader", { verbs: ["list"], apiGroups: [""], resources: ["pods"] }),
    );
    await make(server, `${RBAC}/namespaces/default/rolebindings`, bind("b", "reader", toJane));
    expect((await call(server, jane, "GET", "/api/v1/namespaces/default/pods")).code).toBe(200);
    expect((await call(server, jane, "GET", "/api/v1/pods")).code).toBe(403);
    await call(server, ADMIN, "DELETE", `${RBAC}/namespaces/default/rolebindings/b`);
    expect((await call(server, jane, "GET", "/api/v1/namespaces/default/pods")).code).toBe(403);
  });

  it("reviews a namespace's access where the review itself names none, and answers with metadata", async () => {
    const server = await start();
    const spec = { user: "u", resourceAttributes: { verb: "get", resource: "pods", namespace: "default" } };
    const path = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews";
    expect(await call(server, ADMIN, "POST", path, { spec })).toMatchObject({
      code: 201,
      body: { metadata: { namespace: "default" }, status: { allowed: false } },
    });
    expect(await call(server, ADMIN, "POST", path, { metadata: { namespace: "other" }, spec })).toMatchObject({
      code: 400,
      body: { message: "the namespace of the provided object does not match the namespace sent on the request" },
    });
  });

  it("knows no path that everybody may read but by RBAC", async () => {
    const server = await start();
    const ask = async (groups: readonly string[]): Promise<unknown> => {
      const spec = { user: "u", groups, nonResourceAttributes: { path: "/healthz", verb: "get" } };
      const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
      return (await call(server, ADMIN, "POST", path, { spec })).body["status"];
    };
    expect(await ask([])).toEqual({ allowed: false });
    expect(await ask(["system:unauthenticated"])).toMatchObject({ allowed: true });
  });

  it("wants selectors of reviews to say what they select", async () => {
    const server = await start();
    const resourceAttributes = {
      verb: "list",
      resource: "pods",
      fieldSelector: { requirements: [{ key: "", operator: "In" }] },
      labelSelector: { requirements: [{ key: "a b", operator: "Like" }] },
    };
    const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    const { code, body } = await call(server, ADMIN, "POST", path, { spec: { user: "u", resourceAttributes } });
    expect(code).toBe(422);
    expect(body.message).toContain("fieldSelector.requirements[0].key: Required value: must be specified");
    expect(body.message).toContain("fieldSelector.requirements[0].values: Required value");
    expect(body.message).toContain('labelSelector.requirements[0].key: Invalid value: "a b"');
    expect(body.message).not.toContain("Like");
  });

  it("answers the walkthrough of the announcement by SubjectAccessReview", async () => {
    const server = await start();
    const robot = "system:serviceaccount:default:kubelet-metrics-checker";
    const ask = async (subresource: string): Promise<unknown> => {
      const review = {
        spec: {
          user: robot,
          groups: ["system:serviceaccounts"],
          resourceAttributes: { verb: "get", resource: "nodes", subresource, name: "node1", version: "v1" },
        },
      };
      const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
      return (await call(server, node1, "POST", path, review)).body["status"];
    };
    expect(await ask("metrics")).toEqual({ allowed: false });
    await make(
      server,
      `${RBAC}/clusterroles`,
      role("kubelet-metrics-reader", { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] }),
    );
    await make(
      server,
      `${RBAC}/clusterrolebindings`,
      bind("kubelet-metrics-checker", "kubelet-metrics-reader", {
        kind: "ServiceAccount",
        name: "kubelet-metrics-checker",
        namespace: "default",
      }),
    );
    expect(await ask("metrics")).toEqual({
      allowed: true,
      reason:
        'RBAC: allowed by ClusterRoleBinding "kubelet-metrics-checker" of ClusterRole "kubelet-metrics-reader" to ServiceAccount "kubelet-metrics-checker/default"',
    });
    expect(await ask("proxy")).toEqual({ allowed: false });
    expect(await ask("")).toEqual({ allowed: false });
  });

  it("checks what reviews ask for", async () => {
    const server = await start();
    const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    const refused = async (spec: object, metadata: object = {}): Promise<string | undefined> => {
      const { code, body } = await call(server, ADMIN, "POST", path, { metadata, spec });
      expect(code).toBe(422);
      return body.message;
    };
    const resourceAttributes = { verb: "get", resource: "pods" };
    expect(await refused({ user: "x" })).toContain(
      "exactly one of nonResourceAttributes or resourceAttributes must be specified",
    );
    expect(await refused({ user: "x", resourceAttributes, nonResourceAttributes: { path: "/" } })).toContain(
      "spec.nonResourceAttributes: Invalid value",
    );
    expect(await refused({ resourceAttributes })).toContain(
      'spec.user: Invalid value: "": at least one of user or group must be specified',
    );
    expect(await refused({ user: "x", resourceAttributes }, { name: "n" })).toContain("metadata: Invalid value");
    const local = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews";
    const elsewhere = { spec: { user: "x", resourceAttributes: { ...resourceAttributes, namespace: "other" } } };
    expect((await call(server, ADMIN, "POST", local, elsewhere)).body.message).toContain(
      "must match metadata.namespace",
    );
  });

  it("tells callers about themselves", async () => {
    const server = await start();
    await make(
      server,
      `${RBAC}/clusterroles`,
      role("r", { verbs: ["get"], apiGroups: [""], resources: ["pods"] }, { verbs: ["get"], nonResourceURLs: ["/x"] }),
    );
    await make(server, `${RBAC}/clusterrolebindings`, bind("b", "r", toJane));
    const reviews = "/apis/authorization.k8s.io/v1";
    const self = { spec: { nonResourceAttributes: { verb: "get", path: "/x" } } };
    const { code, body } = await call(server, jane, "POST", `${reviews}/selfsubjectaccessreviews`, self);
    expect(code).toBe(201);
    expect(body["status"]).toMatchObject({ allowed: true });
    const rules = await call(server, jane, "POST", `${reviews}/selfsubjectrulesreviews`, {
      spec: { namespace: "default" },
    });
    expect(rules.body["status"]).toMatchObject({ incomplete: false });
    expect(JSON.stringify(rules.body["status"])).toContain('{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}');
    const none = await call(server, jane, "POST", `${reviews}/selfsubjectrulesreviews`, { spec: {} });
    expect([none.code, none.body.message]).toEqual([400, "no namespace on request"]);
  });

  it("lets nobody give away what they do not hold", async () => {
    const server = await start();
    await make(
      server,
      `${RBAC}/clusterroles`,
      role("role-admin", {
        verbs: ["create", "update", "patch", "get"],
        apiGroups: ["rbac.authorization.k8s.io"],
        resources: ["clusterroles", "clusterrolebindings"],
      }),
    );
    await make(server, `${RBAC}/clusterrolebindings`, bind("b", "role-admin", toJane));
    const secrets = role("thief", { verbs: ["get"], apiGroups: [""], resources: ["secrets"] });
    const refused = await call(server, jane, "POST", `${RBAC}/clusterroles`, secrets);
    expect([refused.code, refused.body.message]).toEqual([
      403,
      'clusterroles.rbac.authorization.k8s.io "thief" is forbidden: user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    ]);
    const own = role("own", { verbs: ["get"], apiGroups: ["rbac.authorization.k8s.io"], resources: ["clusterroles"] });
    expect((await call(server, jane, "POST", `${RBAC}/clusterroles`, own)).code).toBe(201);
    const change = { rules: secrets.rules };
    expect((await call(server, jane, "PATCH", `${RBAC}/clusterroles/own`, change)).code).toBe(403);
    expect(
      (await call(server, jane, "PATCH", `${RBAC}/clusterroles/cluster-admin`, { metadata: { finalizers: ["a/b"] } }))
        .code,
    ).toBe(200);
    expect(
      (await call(server, jane, "POST", `${RBAC}/clusterrolebindings`, bind("x", "cluster-admin", toJane))).code,
    ).toBe(403);
    const missing = await call(server, jane, "POST", `${RBAC}/clusterrolebindings`, bind("x", "nope", toJane));
    expect([missing.code, missing.body.message]).toEqual([
      404,
      'clusterroles.rbac.authorization.k8s.io "nope" not found',
    ]);
    await make(
      server,
      `${RBAC}/clusterroles`,
      role("binder", {
        verbs: ["bind"],
        apiGroups: ["rbac.authorization.k8s.io"],
        resources: ["clusterroles"],
        resourceNames: ["view"],
      }),
    );
    await make(server, `${RBAC}/clusterrolebindings`, bind("b2", "binder", toJane));
    expect((await call(server, jane, "POST", `${RBAC}/clusterrolebindings`, bind("v", "view", toJane))).code).toBe(201);
    expect(
      (await call(server, jane, "POST", `${RBAC}/clusterrolebindings`, bind("e", "system:kubelet-api-admin", toJane)))
        .code,
    ).toBe(403);
  });

  it("lets the holder of escalate write any role", async () => {
    const server = await start();
    await make(
      server,
      `${RBAC}/clusterroles`,
      role("escalator", {
        verbs: ["create", "escalate"],
        apiGroups: ["rbac.authorization.k8s.io"],
        resources: ["clusterroles"],
      }),
    );
    await make(server, `${RBAC}/clusterrolebindings`, bind("b", "escalator", toJane));
    const all = role("all", { verbs: ["*"], apiGroups: ["*"], resources: ["*"] });
    expect((await call(server, jane, "POST", `${RBAC}/clusterroles`, all)).code).toBe(201);
  });

  it("limits nodes to themselves", async () => {
    const server = await start();
    expect((await call(server, node1, "POST", "/api/v1/nodes", { metadata: { name: "node2" } })).code).toBe(403);
    expect((await call(server, node1, "POST", "/api/v1/nodes", { metadata: { name: "node1" } })).code).toBe(201);
    expect((await call(server, node1, "GET", "/api/v1/nodes/node1")).code).toBe(200);
    expect((await call(server, node1, "GET", "/api/v1/nodes?fieldSelector=metadata.name%3Dnode1")).code).toBe(200);
    expect((await call(server, node1, "GET", "/api/v1/nodes")).body.message).toContain(
      "node 'node1' cannot read all nodes, only its own Node object",
    );
    expect((await call(server, node1, "GET", "/api/v1/pods")).code).toBe(403);
    expect((await call(server, node1, "GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dnode1")).code).toBe(200);
    expect((await call(server, node1, "GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dnode2")).code).toBe(403);
    const labels = { "node-restriction.kubernetes.io/team": "a" };
    expect((await call(server, node1, "PATCH", "/api/v1/nodes/node1", { metadata: { labels } })).body.message).toBe(
      'nodes "node1" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/team',
    );
    const fine = { "node.kubernetes.io/instance-type": "x", "example.com/y": "z" };
    expect((await call(server, node1, "PATCH", "/api/v1/nodes/node1", { metadata: { labels: fine } })).code).toBe(200);
    const taints = [{ key: "a", effect: "NoSchedule" }];
    expect((await call(server, node1, "PATCH", "/api/v1/nodes/node1", { spec: { taints } })).body.message).toContain(
      'node "node1" is not allowed to modify taints',
    );
  });

  it("lets nodes read secrets only of their own pods", async () => {
    const server = await start();
    await make(server, "/api/v1/namespaces/default/secrets", { metadata: { name: "s" }, data: {} });
    const path = "/api/v1/namespaces/default/secrets/s";
    expect((await call(server, node1, "GET", path)).body.message).toContain(
      "no relationship found between node 'node1' and this object",
    );
    await make(server, "/api/v1/namespaces/default/pods", {
      metadata: { name: "p" },
      spec: {
        nodeName: "node1",
        containers: [{ name: "c", image: "i" }],
        volumes: [{ name: "v", secret: { secretName: "s" } }],
      },
    });
    expect((await call(server, node1, "GET", path)).code).toBe(200);
    expect(
      (await call(server, node1, "GET", "/api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Ds")).code,
    ).toBe(200);
    expect((await call(server, node1, "GET", "/api/v1/namespaces/default/secrets")).code).toBe(403);
    expect((await call(server, node1, "DELETE", "/api/v1/namespaces/default/pods/p")).code).toBeLessThan(300);
  });

  it("lets nodes make mirror pods and no others", async () => {
    const server = await start();
    const { body: node } = await call(server, node1, "POST", "/api/v1/nodes", { metadata: { name: "node1" } });
    const pods = "/api/v1/namespaces/kube-system/pods";
    const mirror = (metadata: object, spec: object = {}) => ({
      metadata: {
        name: "m",
        annotations: { "kubernetes.io/config.mirror": "x" },
        ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "node1", uid: node.metadata?.uid, controller: true }],
        ...metadata,
      },
      spec: { nodeName: "node1", containers: [{ name: "c", image: "i" }], ...spec },
    });
    const refusal = async (pod: object): Promise<string | undefined> => {
      const { code, body } = await call(server, node1, "POST", pods, pod);
      expect(code).toBe(403);
      return body.message;
    };
    expect(await refusal(mirror({ annotations: {} }))).toContain("can only create mirror pods");
    expect(await refusal(mirror({}, { nodeName: "node2" }))).toContain("spec.nodeName set to itself");
    expect(await refusal(mirror({ ownerReferences: [] }))).toContain("with an owner reference set to itself");
    const volumes = [{ name: "v", secret: { secretName: "s" } }];
    expect(await refusal(mirror({}, { volumes }))).toContain('node "node1" can not create pods that reference secrets');
    expect((await call(server, node1, "POST", pods, mirror({}))).code).toBe(201);
  });

  it("writes down who asks for a certificate, and asks for leave to approve", async () => {
    const server = await start();
    const request = async (commonName: string, organizations: string[], signerName: string) => ({
      metadata: { generateName: "csr-" },
      spec: {
        request: btoa(await createCertificateRequest(generateKeyPair(), { subject: { commonName, organizations } })),
        signerName,
        usages: ["digital signature", "client auth"],
        username: "somebody-else",
        groups: ["system:masters"],
      },
    });
    const kubelet = "kubernetes.io/kube-apiserver-client-kubelet";
    const made = await call(server, node1, "POST", CSR, await request("system:node:node1", ["system:nodes"], kubelet));
    expect(made.code, JSON.stringify(made.body)).toBe(201);
    expect(made.body["spec"]).toMatchObject({
      username: "system:node:node1",
      groups: ["system:nodes", "system:authenticated"],
    });
    const foreign = await call(
      server,
      node1,
      "POST",
      CSR,
      await request("system:node:node2", ["system:nodes"], kubelet),
    );
    expect(foreign.body.message).toContain("can only create a node CSR with CN=system:node:node1");
    const masters = await request("x", ["system:masters"], "kubernetes.io/kube-apiserver-client");
    expect((await call(server, ADMIN, "POST", CSR, masters)).body.message).toContain(
      "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed",
    );
    await make(
      server,
      `${RBAC}/clusterroles`,
      role("approver", {
        verbs: ["update", "get"],
        apiGroups: ["certificates.k8s.io"],
        resources: ["certificatesigningrequests/approval", "certificatesigningrequests"],
      }),
    );
    await make(server, `${RBAC}/clusterrolebindings`, bind("b", "approver", toJane));
    const approval = `${CSR}/${made.body.metadata?.name ?? ""}/approval`;
    const approved = {
      ...made.body,
      status: { conditions: [{ type: "Approved", status: "True", reason: "r", message: "m" }] },
    };
    expect((await call(server, jane, "PUT", approval, approved)).body.message).toContain(
      `user not permitted to approve requests with signerName "${kubelet}"`,
    );
    await make(
      server,
      `${RBAC}/clusterrolebindings`,
      bind("b2", "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver", toJane),
    );
    const done = await call(server, jane, "PUT", approval, approved);
    expect(done.code, JSON.stringify(done.body)).toBe(200);
  });

  it("stays closed while it can not know", async () => {
    const authorization = createAuthorization({
      objects: {
        observe: () => () => undefined,
        list: () => {
          throw new Error("not loaded");
        },
      },
      gates: createFeatureGates(),
    } as never);
    const ask = async (user: User): Promise<unknown> =>
      await authorization
        .authorize({ type: "non-resource", user, verb: "get", path: "/api" }, new AbortController().signal)
        .catch((reason: StatusError) => reason.message);
    expect(await ask(jane)).toBe("not loaded");
    expect(await ask(known("root", "system:masters"))).toMatchObject({ decision: "allow" });
  });
});
