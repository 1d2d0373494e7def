import { randomUUID } from "node:crypto";
import { decodeJwt } from "jose";
import { afterEach, describe, expect, it } from "vitest";
import { generateKeyPair } from "../../adapters/tls/key-pair.ts";
import type { KubernetesObject } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import { readAll } from "../../machinery/json-lines.ts";
import { ADMIN, startTestApiServer, type TestApiServer } from "../../testing/api-server.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { nodeRestriction } from "../authorization/node-restriction.ts";
import { authenticationReviews } from "./authentication-reviews.ts";
import { OPENID_CONFIGURATION_PATH, OPENID_KEYS_PATH, openIdDiscovery } from "./openid-discovery.ts";
import { createServiceAccountTokens, type ServiceAccountTokens } from "./service-account-tokens.ts";
import { serviceAccountTokenSubresource } from "./token-request.ts";

const NOW = Date.UTC(2026, 3, 24);
const TOKEN = "/api/v1/namespaces/default/serviceaccounts/robot/token";
const node1: User = { name: "system:node:node1", groups: ["system:nodes", "system:authenticated"], extra: {} };

let running: TestApiServer | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(options: { readonly maxLifetimeSeconds?: number } = {}) {
  const clock = createFakeClock(NOW);
  let tokens: ServiceAccountTokens | undefined;
  const server = await startTestApiServer({
    clock,
    parts: (objects) => {
      tokens = createServiceAccountTokens(
        { objects, clock, random: { uuid: randomUUID } },
        { signingKeys: generateKeyPair() },
      );
      const admission = [
        nodeRestriction({
          inspect: () => Promise.reject(new Error("not here")),
          authorize: async () => ({ decision: "no-opinion", reason: "" }),
        }),
      ];
      return {
        virtualResources: authenticationReviews({ clock, tokens: [tokens.authenticate] }),
        subresources: [serviceAccountTokenSubresource({ objects, tokens, clock, admission }, options)],
        paths: openIdDiscovery(tokens, { externalAddress: "10.0.0.1:6443" }),
      };
    },
  });
  running = server;
  const post = async (path: string, object: object, user: User = ADMIN) => {
    const response = await server.connect(user).send({
      method: "POST",
      path,
      signal: new AbortController().signal,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(object),
    });
    const body = JSON.parse(new TextDecoder().decode(await readAll(response.body, 2 ** 20))) as KubernetesObject & {
      readonly message?: string;
    };
    return { code: response.status, body, headers: response.headers };
  };
  const account = await post("/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "robot" } });
  const pod = await post("/api/v1/namespaces/default/pods", {
    metadata: { name: "web" },
    spec: { serviceAccountName: "robot", nodeName: "node1", containers: [{ name: "c", image: "i" }] },
  });
  expect([account.code, pod.code]).toEqual([201, 201]);
  return { server, post, podUid: pod.body.metadata?.uid ?? "", accountUid: account.body.metadata?.uid ?? "" };
}

type Status = { readonly token: string; readonly expirationTimestamp: string };
const statusOf = (body: KubernetesObject): Status => body["status"] as Status;

describe("serviceaccounts/token", () => {
  it("gives an hour by default, for this API server", async () => {
    const { post, accountUid } = await start();
    const { code, body } = await post(TOKEN, {});
    expect(code).toBe(201);
    expect(body).toMatchObject({
      kind: "TokenRequest",
      apiVersion: "authentication.k8s.io/v1",
      metadata: { name: "robot", namespace: "default", uid: accountUid },
      spec: { audiences: ["https://kubernetes.default.svc.cluster.local"], expirationSeconds: 3600 },
      status: { expirationTimestamp: "2026-04-24T01:00:00Z" },
    });
    expect(decodeJwt(statusOf(body).token)).toMatchObject({ exp: NOW / 1000 + 3600 });
  });

  it("binds to pods, with the node they run on", async () => {
    const { post, podUid } = await start();
    const boundObjectRef = { apiVersion: "v1", kind: "Pod", name: "web", uid: podUid };
    const { body } = await post(TOKEN, { spec: { boundObjectRef, expirationSeconds: 600 } });
    expect(decodeJwt(statusOf(body).token)["kubernetes.io"]).toMatchObject({
      pod: { name: "web", uid: podUid },
      node: { name: "node1" },
    });
  });

  it("lets mounted tokens work for a year but says when they are stale", async () => {
    const { post, podUid } = await start();
    const boundObjectRef = { apiVersion: "v1", kind: "Pod", name: "web", uid: podUid };
    const { body } = await post(TOKEN, { spec: { boundObjectRef, expirationSeconds: 3607 } });
    const claims = decodeJwt(statusOf(body).token);
    expect(claims.exp).toBe(NOW / 1000 + 365 * 24 * 3600);
    expect(claims["kubernetes.io"]).toMatchObject({ warnafter: NOW / 1000 + 3607 });
    expect(statusOf(body).expirationTimestamp).toBe("2026-04-24T01:00:07Z");
    const other = await post(TOKEN, { spec: { boundObjectRef, expirationSeconds: 3607, audiences: ["vault"] } });
    expect(decodeJwt(statusOf(other.body).token).exp).toBe(NOW / 1000 + 3607);
    const unbound = await post(TOKEN, { spec: { expirationSeconds: 3607 } });
    expect(decodeJwt(statusOf(unbound.body).token).exp).toBe(NOW / 1000 + 3607);
  });

  it.each([
    [{ spec: { expirationSeconds: 599 } }, 422, "may not specify a duration less than 10 minutes"],
    [{ spec: { expirationSeconds: 2 ** 33 } }, 422, "may not specify a duration larger than 2^32 seconds"],
    [{ metadata: { name: "other" } }, 422, "must match the service account name if specified"],
    [{ metadata: { uid: "x" } }, 409, "the UID in the token request (x) does not match the UID of the service account"],
    [{ spec: { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "none" } } }, 404, 'pods "none" not found'],
    [
      { spec: { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web", uid: "x" } } },
      409,
      "the UID in the bound object reference (x) does not match the UID in record",
    ],
    [
      { spec: { boundObjectRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" } } },
      400,
      "cannot bind token to object of type apps/v1, Kind=Deployment",
    ],
  ])("refuses %j", async (request, code, text) => {
    const { post } = await start();
    const answer = await post(TOKEN, request);
    expect([answer.code, answer.body.message]).toEqual([code, expect.stringContaining(text)]);
  });

  it("refuses to bind to a pod of another account", async () => {
    const { post } = await start();
    const path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    const boundObjectRef = { apiVersion: "v1", kind: "Pod", name: "web" };
    const { code, body } = await post(path, { spec: { boundObjectRef } });
    expect([code, body.message]).toEqual([
      400,
      'cannot bind token for serviceaccount "default" to pod running with different serviceaccount name.',
    ]);
  });

  it("shortens what is longer than it may be, and says so", async () => {
    const { post } = await start({ maxLifetimeSeconds: 7200 });
    const { body, headers } = await post(TOKEN, { spec: { expirationSeconds: 90_000 } });
    expect(body["spec"]).toMatchObject({ expirationSeconds: 7200 });
    expect(headers["warning"]).toBe('299 - "requested expiration of 90000 seconds shortened to 7200 seconds"');
  });

  it("gives nodes tokens only for their pods", async () => {
    const { post, podUid } = await start();
    const bound = (uid: string) => ({ spec: { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web", uid } } });
    expect((await post(TOKEN, {}, node1)).body.message).toContain("node requested token not bound to a pod");
    expect((await post(TOKEN, bound(""), node1)).body.message).toContain(
      "node requested token with a pod binding without a uid",
    );
    const ok = await post(TOKEN, bound(podUid), node1);
    expect(ok.code, JSON.stringify(ok.body)).toBe(201);
    const node2 = { ...node1, name: "system:node:node2" };
    expect((await post(TOKEN, bound(podUid), node2)).body.message).toContain(
      "node requested token bound to a pod scheduled on a different node",
    );
    const vault = { spec: { ...bound(podUid).spec, audiences: ["vault"] } };
    expect((await post(TOKEN, vault, node1)).body.message).toContain('audience "vault" not found in pod spec volume');
  });
});

describe("reviews of who somebody is", () => {
  const REVIEW = "/apis/authentication.k8s.io/v1/tokenreviews";

  it("tells whose token it is", async () => {
    const { post } = await start();
    const { token } = statusOf((await post(TOKEN, {})).body);
    const { code, body } = await post(REVIEW, { spec: { token } });
    expect(code).toBe(201);
    expect(body["status"]).toMatchObject({
      authenticated: true,
      user: {
        username: "system:serviceaccount:default:robot",
        groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
      },
      audiences: ["https://kubernetes.default.svc.cluster.local"],
    });
  });

  it("tells why a token is not good", async () => {
    const { post } = await start();
    expect((await post(REVIEW, { spec: { token: "nonsense" } })).body["status"]).toEqual({
      user: {},
      error: "invalid bearer token",
    });
    expect((await post(REVIEW, { spec: { token: "" } })).code).toBe(400);
  });

  it("tells callers who they are", async () => {
    const { post } = await start();
    const { body } = await post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, node1);
    expect(body).toMatchObject({
      kind: "SelfSubjectReview",
      status: { userInfo: { username: "system:node:node1", groups: ["system:nodes", "system:authenticated"] } },
    });
  });
});

describe("OpenID discovery", () => {
  it("leads from the issuer to the keys", async () => {
    const { server } = await start();
    const get = async (path: string): Promise<unknown> => {
      const response = await server.connect().send({ method: "GET", path, signal: new AbortController().signal });
      expect(response.status).toBe(200);
      return JSON.parse(new TextDecoder().decode(await readAll(response.body, 2 ** 20)));
    };
    expect(await get(OPENID_CONFIGURATION_PATH)).toEqual({
      issuer: "https://kubernetes.default.svc.cluster.local",
      jwks_uri: "https://10.0.0.1:6443/openid/v1/jwks",
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    });
    expect(await get(OPENID_KEYS_PATH)).toMatchObject({
      keys: [{ use: "sig", kty: "EC", crv: "P-256", alg: "ES256" }],
    });
  });
});
