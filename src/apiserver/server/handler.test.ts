import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../adapters/memory/store.ts";
import { KINDS } from "../../api/kinds/index.ts";
import { unauthorized } from "../../api/status-error.ts";
import type { User } from "../../api/user.ts";
import type { Attributes, Decision } from "../../core/authz/attributes.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import { call } from "../../testing/api-calls.ts";
import { ADMIN, startTestApiServer, testGates } from "../../testing/api-server.ts";
import type { TestApiServer, TestApiServerOptions } from "../../testing/api-server.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { quietLog, seededRandom } from "../../testing/quiet.ts";
import { createApiServer } from "../api-server.ts";
import type { ApiServerParts } from "../extension.ts";
import { createInProcessTransport } from "../in-process-transport.ts";
import type { AuditedRequest } from "./handler.ts";

const BOB: User = { name: "bob", groups: ["system:authenticated"], extra: {} };
const NO: Decision = { decision: "no-opinion", reason: "" };
const YES: Decision = { decision: "allow", reason: "" };

async function withServer(options: TestApiServerOptions, body: (api: TestApiServer) => Promise<void>): Promise<void> {
  const api = await startTestApiServer(options);
  try {
    await body(api);
  } finally {
    await api.stop();
  }
}

const withParts = (parts: Partial<ApiServerParts>): TestApiServerOptions => ({ parts: () => parts });

describe("the way of a request", () => {
  it.each([
    [
      "GET",
      "/api/v1/namespaces/default/pods",
      'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      "GET",
      "/api/v1/namespaces/default/pods/p",
      'pods "p" is forbidden: User "bob" cannot get resource "pods" in API group "" in the namespace "default"',
    ],
    [
      "GET",
      "/api/v1/nodes",
      'nodes is forbidden: User "bob" cannot list resource "nodes" in API group "" at the cluster scope',
    ],
    [
      "POST",
      "/api/v1/namespaces/default/pods/p/binding",
      'pods "p" is forbidden: User "bob" cannot create resource "pods/binding" in API group "" in the namespace "default"',
    ],
    [
      "DELETE",
      "/apis/rbac.authorization.k8s.io/v1/clusterroles",
      'clusterroles.rbac.authorization.k8s.io is forbidden: User "bob" cannot deletecollection resource "clusterroles" in API group "rbac.authorization.k8s.io" at the cluster scope',
    ],
    ["GET", "/metrics", 'forbidden: User "bob" cannot get path "/metrics"'],
  ] as const)("refuses %s %s in the words people know", async (method, path, message) => {
    await withServer(withParts({ authorize: async () => NO }), async (api) => {
      const answer = await call(api.connect(BOB), method, path);
      expect(answer.status).toBe(403);
      expect(answer.body).toMatchObject({ reason: "Forbidden", message });
    });
  });

  it.each([
    ["ResourceExhausted", 500, "Internal error occurred: no room in the database"],
    ["Unavailable", 503, "the server is currently unable to handle the request"],
    ["Conflict", 500, "This request caused apiserver to panic. Look in the logs for details."],
  ] as const)("tells the caller what people can do something about: %s", async (code, status, message) => {
    const authorize = async (): Promise<Decision> => {
      throw new OrlopError(code, "no room in the database");
    };
    await withServer(withParts({ authorize }), async (api) => {
      expect(await call(api.connect(BOB), "GET", "/api/v1/nodes")).toMatchObject({ status, body: { message } });
    });
  });

  it("adds the authorizer's reason when it has one", async () => {
    const authorize = async (): Promise<Decision> => ({ decision: "deny", reason: "not on a Sunday" });
    await withServer(withParts({ authorize }), async (api) => {
      const { body } = await call(api.connect(BOB), "GET", "/api/v1/nodes");
      expect(body.message).toBe(
        'nodes is forbidden: User "bob" cannot list resource "nodes" in API group "" at the cluster scope: not on a Sunday',
      );
    });
  });

  it("treats who shows nothing as anonymous, and refuses who shows something wrong", async () => {
    const asked: Attributes[] = [];
    const authorize = async (attributes: Attributes): Promise<Decision> => {
      asked.push(attributes);
      return attributes.type === "non-resource" ? YES : NO;
    };
    const parts: Partial<ApiServerParts> = {
      authorize,
      authenticate: async ({ headers }) => {
        if (headers["authorization"] !== undefined) throw unauthorized();
        return undefined;
      },
    };
    await withServer(withParts(parts), async ({ server }) => {
      const transport = createInProcessTransport(server.handler);
      expect((await call(transport, "GET", "/healthz")).text).toBe("ok");
      expect(asked[0]?.user).toMatchObject({ name: "system:anonymous", groups: ["system:unauthenticated"] });
      expect((await call(transport, "GET", "/api/v1/pods")).status).toBe(403);
      const wrong = await call(transport, "GET", "/healthz", { headers: { authorization: "Bearer x" } });
      expect(wrong.status).toBe(401);
      expect(wrong.body).toMatchObject({ kind: "Status", reason: "Unauthorized", message: "Unauthorized" });
    });
  });

  it("fails closed, and tells nobody why", async () => {
    const authorize = (): Promise<Decision> => Promise.reject(new Error("the index is on fire"));
    await withServer(withParts({ authorize }), async (api) => {
      const { status, text } = await call(api.connect(BOB), "GET", "/api/v1/pods");
      expect(status).toBe(500);
      expect(text).not.toContain("fire");
    });
  });

  it("answers 503 before it has loaded its objects", async () => {
    const server = createApiServer(
      { store: createMemoryStore(), clock: createFakeClock(), random: seededRandom(1), log: quietLog() },
      () => ({
        authenticate: async () => ADMIN,
        authorize: async () => YES,
        kinds: KINDS,
        virtualResources: [],
        subresources: [],
        admission: [],
        gates: testGates(),
      }),
    );
    expect((await call(server.connect(ADMIN), "GET", "/readyz")).status).toBe(503);
  });

  it("takes only so many requests at a time, and no request longer than it should take", async () => {
    const clock = createFakeClock();
    let release = (): void => undefined;
    const held = new Promise<Decision>((resolve) => {
      release = () => resolve(YES);
    });
    let hold = false;
    const parts = { authorize: (): Promise<Decision> => (hold ? held : Promise.resolve(YES)) };
    const server = { maxRequestsInFlight: 2, requestTimeoutMs: 5_000 };
    await withServer({ clock, server, ...withParts(parts) }, async (api) => {
      hold = true;
      const slow = [1, 2].map(() => call(api.connect(), "GET", "/api/v1/pods"));
      await Promise.resolve();
      const refused = await call(api.connect(), "GET", "/api/v1/pods");
      expect(refused.status).toBe(429);
      expect(refused.headers["retry-after"]).toBe("1");
      const watch = call(api.connect(), "GET", "/api/v1/pods?watch=true&timeoutSeconds=1");
      await clock.advance(6_000);
      for (const answer of await Promise.all(slow)) {
        expect(answer.status).toBe(504);
        expect(answer.body.message).toBe("Timeout: request did not complete within the allotted timeout");
      }
      release();
      await clock.advance(2_000);
      expect((await watch).status).toBe(200);
    });
  });

  it("tells the audit who asked for what and what came of it", async () => {
    const seen: AuditedRequest[] = [];
    const server = createApiServer(
      {
        store: createMemoryStore(),
        clock: createFakeClock(),
        random: seededRandom(1),
        log: quietLog(),
        audit: (request) => seen.push(request),
      },
      () => ({
        authenticate: async () => BOB,
        authorize: async () => NO,
        kinds: KINDS,
        virtualResources: [],
        subresources: [],
        admission: [],
        gates: testGates(),
      }),
    );
    const stopping = new AbortController();
    await new Promise<void>((ready) => void server.unit.run(stopping.signal, ready));
    const { headers } = await call(server.connect(BOB), "GET", "/api/v1/pods");
    stopping.abort();
    expect(seen).toMatchObject([{ user: { name: "bob" }, code: 403, info: { verb: "list", resource: "pods" } }]);
    expect(seen[0]?.id).toBe(headers["audit-id"]);
  });
});

describe("impersonation", () => {
  const allowed = (users: readonly string[]): TestApiServerOptions & { readonly asked: Attributes[] } => {
    const asked: Attributes[] = [];
    return {
      asked,
      ...withParts({
        authorize: async (attributes) => {
          asked.push(attributes);
          if (attributes.type !== "resource" || attributes.verb !== "impersonate") return YES;
          return users.includes(`${attributes.resource}/${attributes.subresource}/${attributes.name}`) ? YES : NO;
        },
      }),
    };
  };

  it("acts as another once every part of that is allowed", async () => {
    const options = allowed(["users//eve", "groups//devs", "userextras/scopes/view", "uids//u-1"]);
    await withServer(options, async (api) => {
      const headers = {
        "Impersonate-User": "eve",
        "Impersonate-Group": "devs",
        "Impersonate-Extra-Scopes": "view",
        "Impersonate-Uid": "u-1",
      };
      expect((await call(api.connect(BOB), "GET", "/api/v1/pods", { headers })).status).toBe(200);
      expect(options.asked.at(-1)?.user).toEqual({
        name: "eve",
        uid: "u-1",
        groups: ["devs", "system:authenticated"],
        extra: { scopes: ["view"] },
      });
    });
  });

  it("knows the groups of ServiceAccounts, and asks for these by their own kind", async () => {
    const options = allowed(["serviceaccounts//builder"]);
    await withServer(options, async (api) => {
      const headers = { "Impersonate-User": "system:serviceaccount:ci:builder" };
      expect((await call(api.connect(BOB), "GET", "/api/v1/pods", { headers })).status).toBe(200);
      expect(options.asked.find(({ verb }) => verb === "impersonate")).toMatchObject({ namespace: "ci" });
      expect(options.asked.at(-1)?.user.groups).toEqual([
        "system:serviceaccounts",
        "system:serviceaccounts:ci",
        "system:authenticated",
      ]);
    });
  });

  it("refuses the whole request when one part is not allowed", async () => {
    await withServer(allowed(["users//eve"]), async (api) => {
      const headers = { "Impersonate-User": "eve", "Impersonate-Group": "system:masters" };
      const { status, body } = await call(api.connect(BOB), "GET", "/api/v1/pods", { headers });
      expect(status).toBe(403);
      expect(body.message).toBe(
        'groups "system:masters" is forbidden: User "bob" cannot impersonate resource "groups" in API group "" at the cluster scope',
      );
    });
  });

  it("refuses groups without a user", async () => {
    await withServer(allowed([]), async (api) => {
      const headers = { "Impersonate-Group": "devs" };
      expect((await call(api.connect(BOB), "GET", "/api/v1/pods", { headers })).status).toBe(400);
    });
  });
});
