import { describe, expect, it } from "vitest";
import type { Decision, ResourceAttributes } from "../../core/authz/attributes.ts";
import type { ConnectMode } from "../../core/authz/kubelet-request.ts";
import type { HttpRequest } from "../../ports/http.ts";
import { plainRequest } from "../../testing/plain-request.ts";
import { quietLog } from "../../testing/quiet.ts";
import { createCheckAccess } from "./check-access.ts";

const jane = { name: "jane", groups: [], extra: {} };

const request = (method: string, path: string): HttpRequest => plainRequest(path, {}, { method });

interface Setting {
  /** e.g. "get proxy" */
  readonly granted?: readonly string[];
  readonly failing?: readonly string[];
  readonly fineGrained?: boolean;
  readonly connectMode?: ConnectMode;
}

function setUp({ granted = [], failing = [], fineGrained = true, connectMode = "enforce" }: Setting) {
  const asked: string[] = [];
  const reviewAccess = async ({ verb, subresource, name }: ResourceAttributes): Promise<Decision> => {
    expect(name).toBe("node-1");
    const what = `${verb} ${subresource}`;
    asked.push(what);
    if (failing.includes(what)) throw new Error("away");
    return granted.includes(what)
      ? { decision: "allow", reason: "" }
      : { decision: what.startsWith("get") ? "deny" : "no-opinion", reason: "" };
  };
  const check = createCheckAccess(
    { authenticate: async () => ({ type: "user", user: jane }), reviewAccess, log: quietLog() },
    { nodeName: "node-1", fineGrained, connectMode },
  );
  return { check, asked };
}

describe("createCheckAccess", () => {
  it("tries the narrow subresource first and stops when it is granted", async () => {
    const { check, asked } = setUp({ granted: ["get pods", "get proxy"] });
    expect(await check(request("GET", "/pods"))).toMatchObject({
      access: "granted",
      subresource: "pods",
      fallback: false,
    });
    expect(asked).toEqual(["get pods"]);
  });

  it("falls back to proxy after a no, whether denied or nobody's opinion", async () => {
    const { check, asked } = setUp({ granted: ["get proxy"] });
    expect(await check(request("GET", "/configz"))).toMatchObject({
      access: "granted",
      subresource: "proxy",
      fallback: true,
    });
    expect(asked).toEqual(["get configz", "get proxy"]);
  });

  it("names all that were tried when none is granted", async () => {
    const { check } = setUp({});
    expect(await check(request("GET", "/healthz"))).toEqual({
      access: "forbidden",
      user: jane,
      verb: "get",
      subresources: ["healthz", "proxy"],
    });
  });

  it("does not let a failure of the first check be rescued by the second", async () => {
    const { check, asked } = setUp({ granted: ["get proxy"], failing: ["get pods"] });
    expect(await check(request("GET", "/pods"))).toMatchObject({ access: "error", subresource: "pods", verb: "get" });
    expect(asked).toEqual(["get pods"]);
  });

  it("does not ask for narrow subresources before the gate", async () => {
    const { check, asked } = setUp({ granted: ["get pods"], fineGrained: false });
    expect((await check(request("GET", "/pods"))).access).toBe("forbidden");
    expect(asked).toEqual(["get proxy"]);
  });

  it("has no way around a dedicated subresource", async () => {
    const { check, asked } = setUp({ granted: ["get proxy"] });
    expect((await check(request("GET", "/metrics/cadvisor"))).access).toBe("forbidden");
    expect(asked).toEqual(["get metrics"]);
  });

  it("asks with an empty verb for methods Kubernetes has no verb for", async () => {
    const { check, asked } = setUp({ granted: ["get metrics"] });
    expect((await check(request("HEAD", "/metrics"))).access).toBe("forbidden");
    expect(asked).toEqual([" metrics"]);
  });

  describe("on the way into a container", () => {
    const exec = request("GET", "/exec/ns/pod/c");

    it("needs create, whatever the method, and tells who holds only get", async () => {
      const { check } = setUp({ granted: ["get proxy"] });
      expect(await check(exec)).toEqual({
        access: "forbidden",
        user: jane,
        verb: "create",
        subresources: ["proxy"],
        getOnly: true,
      });
    });

    it("does not accuse those who hold nothing", async () => {
      const { check, asked } = setUp({});
      expect(await check(exec)).toEqual({ access: "forbidden", user: jane, verb: "create", subresources: ["proxy"] });
      expect(asked).toEqual(["create proxy", "get proxy"]);
    });

    it("lets create through by any method", async () => {
      const { check, asked } = setUp({ granted: ["create proxy"] });
      for (const method of ["GET", "POST", "HEAD"]) {
        expect(await check(request(method, "/portForward/ns/pod"))).toMatchObject({
          access: "granted",
          verb: "create",
        });
      }
      expect(asked).toEqual(["create proxy", "create proxy", "create proxy"]);
    });

    it("lets get-only callers through in mode warn, marked", async () => {
      const { check } = setUp({ granted: ["get proxy"], connectMode: "warn" });
      expect(await check(exec)).toMatchObject({ access: "granted", verb: "get", getOnly: true });
      const other = setUp({ connectMode: "warn" });
      expect((await other.check(exec)).access).toBe("forbidden");
    });

    it.each([
      ["enforce", "GET", "forbidden", true],
      ["enforce", "POST", "forbidden", undefined],
      ["enforce", "HEAD", "forbidden", undefined],
      ["enforce", "OPTIONS", "forbidden", undefined],
      ["enforce", "get", "forbidden", undefined],
      ["warn", "GET", "granted", true],
      ["warn", "POST", "forbidden", undefined],
      ["warn", "HEAD", "forbidden", undefined],
      ["warn", "OPTIONS", "forbidden", undefined],
      ["warn", "get", "forbidden", undefined],
      ["legacy", "GET", "granted", undefined],
      ["legacy", "POST", "forbidden", undefined],
      ["legacy", "HEAD", "forbidden", undefined],
      ["legacy", "OPTIONS", "forbidden", undefined],
      ["legacy", "get", "forbidden", undefined],
    ] as const)("a caller with get in mode %s, by %s: %s", async (connectMode, method, access, getOnly) => {
      for (const path of ["/exec/ns/pod/c", "/attach/ns/pod/u/c", "/portForward/ns/pod", "/run/ns/pod/c"]) {
        const { check } = setUp({ granted: ["get proxy"], connectMode });
        const verdict = await check(request(method, path));
        expect([verdict.access, "getOnly" in verdict ? verdict.getOnly : undefined], path).toEqual([access, getOnly]);
      }
    });

    it("stays closed in mode warn when it can not tell", async () => {
      const { check } = setUp({ granted: ["get proxy"], failing: ["create proxy"], connectMode: "warn" });
      expect((await check(exec)).access).toBe("error");
    });

    it("goes by the method in mode legacy", async () => {
      const { check, asked } = setUp({ granted: ["get proxy"], connectMode: "legacy" });
      const verdict = await check(exec);
      expect(verdict).toMatchObject({ access: "granted", verb: "get" });
      expect(verdict).not.toHaveProperty("getOnly");
      expect(asked).toEqual(["get proxy"]);
    });
  });

  it("asks nobody in mode AlwaysAllow, but still wants to know who it is", async () => {
    const known = createCheckAccess(
      { authenticate: async () => ({ type: "user", user: jane }), log: quietLog() },
      { nodeName: "n", fineGrained: true, connectMode: "enforce" },
    );
    expect(await known(request("POST", "/run/ns/p/c"))).toMatchObject({ access: "granted", subresource: "proxy" });
    const unknown = createCheckAccess(
      { authenticate: async () => ({ type: "refused", problems: ["x"] }), log: quietLog() },
      { nodeName: "n", fineGrained: true, connectMode: "enforce" },
    );
    expect(await unknown(request("GET", "/pods"))).toEqual({ access: "unauthenticated" });
  });
});
