import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classifyKubeletRequest } from "../../core/authz/kubelet-request.ts";
import { activeRoutes } from "./kubelet-server.ts";
import { cleanedTarget, matchPattern, matchRoute } from "./match-route.ts";

const ON = {
  enableDebuggingHandlers: true,
  enableSystemLogHandler: true,
  enableProfilingHandler: true,
  enableDebugFlagsHandler: true,
  checkpoint: true,
  flagz: true,
  statusz: true,
  authorized: true,
};
const match = (method: string, path: string, switches = {}) =>
  matchRoute(activeRoutes({ ...ON, ...switches }), method, path);

describe("matchRoute()", () => {
  it.each([
    ["GET", "/healthz", "healthz"],
    ["HEAD", "/healthz/ping", "healthz"],
    ["GET", "/metrics/cadvisor", "cadvisorMetrics"],
    ["DELETE", "/metrics/slis", "sliMetrics"],
    ["GET", "/pods", "pods"],
    ["GET", "/pods/", "pods"],
    ["POST", "/stats/summary", "summary"],
    ["GET", "/spec/", "spec"],
    ["POST", "/run/ns/p/c", "run"],
    ["POST", "/run/ns/p/uid/c", "run"],
    ["GET", "/exec/ns/p/c", "exec"],
    ["POST", "/attach/ns/p/uid/c", "attach"],
    ["GET", "/portForward/ns/p", "portForward"],
    ["GET", "/containerLogs/ns/p/c", "containerLogs"],
    ["GET", "/runningpods/", "runningPods"],
    ["GET", "/runningPods/", "runningPods"],
    ["PATCH", "/configz", "configz"],
    ["POST", "/checkpoint/ns/p/c", "checkpoint"],
    ["GET", "/logs/", "logs"],
    ["GET", "/logs/a/b.log", "logs"],
    ["GET", "/debug/pprof/", "pprof"],
    ["PUT", "/debug/flags/v", "debugFlags"],
    ["GET", "/flagz", "flagz"],
    ["GET", "/statusz", "statusz"],
  ])("%s %s goes to %s", (method, path, handler) => {
    expect(match(method, path)).toMatchObject({ match: "route", route: { handler } });
  });

  it("hands over decoded parameters", () => {
    expect(match("POST", "/exec/ns/p/uid/c")).toMatchObject({
      parameters: { namespace: "ns", pod: "p", uid: "uid", container: "c" },
    });
    expect(match("GET", "/logs/a/b.log")).toMatchObject({ parameters: { rest: "a/b.log" } });
    expect(matchPattern("/x/{a}", "/x/")).toBeUndefined();
  });

  it.each([
    "/",
    "/foo",
    "/healthz/",
    "/healthz/foo",
    "/metrics/x",
    "/configz/",
    "/EXEC/ns/p/c",
    "/podsx",
    "/Pods",
    "",
    "*",
    "exec",
  ])("does not know %j", (path) => {
    expect(match("GET", path)).toEqual({ match: "unknown" });
  });

  it.each(["/logs", "/runningpods", "/stats", "/checkpoint", "/debug/pprof", "/spec"])(
    "sends %s to its slash",
    (path) => {
      expect(match("GET", path)).toEqual({ match: "redirect", path: `${path}/` });
    },
  );

  it("answers below a service what upstream's router answers", () => {
    expect(match("GET", "/pods/x")).toMatchObject({ match: "not-found" });
    expect(match("GET", "/exec/ns")).toMatchObject({ match: "not-found" });
    expect(match("GET", "/exec")).toMatchObject({ match: "not-found" });
    expect(match("HEAD", "/pods")).toMatchObject({ match: "wrong-method", allow: ["GET"] });
    expect(match("get", "/exec/ns/p/c")).toMatchObject({ match: "wrong-method", allow: ["GET", "POST"] });
    expect(match("GET", "/run/ns/p/c")).toMatchObject({ match: "wrong-method" });
  });

  it("switches handlers off as upstream does", () => {
    const off = { enableDebuggingHandlers: false };
    for (const path of [
      "/run/a",
      "/exec/ns/p/c",
      "/containerLogs/ns/p/c",
      "/runningpods/",
      "/debug/pprof/",
      "/logs/x",
    ]) {
      expect(match("GET", path, off)).toMatchObject({ match: "disabled", text: "Debug endpoints are disabled.\n" });
    }
    expect(match("GET", "/exec", off)).toEqual({ match: "redirect", path: "/exec/" });
    for (const path of ["/configz", "/checkpoint/ns/p/c", "/flagz", "/statusz", "/debug/flags/v"]) {
      expect(match("GET", path, off)).toEqual({ match: "unknown" });
    }
    expect(match("GET", "/logs/x", { enableSystemLogHandler: false })).toMatchObject({
      text: "logs endpoint is disabled.\n",
    });
    expect(match("GET", "/debug/pprof/x", { enableProfilingHandler: false })).toMatchObject({
      text: "profiling endpoint is disabled.\n",
    });
    expect(match("PUT", "/debug/flags/v", { enableDebugFlagsHandler: false })).toMatchObject({
      text: "flags endpoint is disabled.\n",
    });
    const readOnly = { authorized: false };
    expect(match("GET", "/pods", readOnly)).toMatchObject({ match: "route" });
    expect(match("GET", "/exec/ns/p/c", readOnly)).toMatchObject({ match: "disabled" });
    for (const path of ["/configz", "/spec/", "/checkpoint/ns/p/c", "/flagz", "/statusz", "/debug/flags/v"]) {
      expect(match("GET", path, readOnly), path).toEqual({ match: "unknown" });
    }
  });

  it("never serves a request as something else than it was authorised for", () => {
    const pieces = [
      "",
      "exec",
      "attach",
      "run",
      "portForward",
      "pods",
      "metrics",
      "logs",
      "stats",
      "spec",
      "configz",
      "healthz",
      "ping",
      "..",
      ".",
      "%2e%2e",
      "EXEC",
      "ns",
      "runningpods",
      "runningPods",
      "debug",
      "pprof",
      "flags",
      "v",
      "checkpoint",
      "containerLogs",
      "flagz",
      "statusz",
      "summary",
      "x y",
      "é",
    ];
    const needs: Readonly<Record<string, string>> = {
      healthz: "healthz",
      metrics: "metrics",
      cadvisorMetrics: "metrics",
      resourceMetrics: "metrics",
      probeMetrics: "metrics",
      sliMetrics: "metrics",
      pods: "pods",
      runningPods: "pods",
      summary: "stats",
      spec: "spec",
      configz: "configz",
      flagz: "configz",
      statusz: "statusz",
      logs: "log",
      checkpoint: "checkpoint",
      run: "proxy",
      exec: "proxy",
      attach: "proxy",
      portForward: "proxy",
      containerLogs: "proxy",
      pprof: "proxy",
      debugFlags: "proxy",
    };
    const connects = new Set(["run", "exec", "attach", "portForward"]);
    fc.assert(
      fc.property(
        fc.constantFrom("GET", "POST", "PUT", "HEAD", "get", "DELETE"),
        fc.array(fc.constantFrom(...pieces), { maxLength: 7 }),
        fc.boolean(),
        (method, names, slash) => {
          const path = `/${names.join("/")}${slash ? "/" : ""}`;
          const found = match(method, path);
          if (found.match === "unknown" || found.match === "redirect") return;
          const { action, verb, subresources } = classifyKubeletRequest(method, path, { fineGrained: true });
          const { handler } = found.route;
          expect(subresources[0]).toBe(needs[handler]);
          expect(action === "connect").toBe(connects.has(handler));
          if (connects.has(handler)) expect(verb).toBe("create");
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

describe("cleanedTarget()", () => {
  it.each([
    ["//exec/ns/p/c", "/exec/ns/p/c"],
    ["/exec/../pods", "/pods"],
    ["/a/./b//?x=1", "/a/b/?x=1"],
    ["/..", "/"],
    ["/exec/ns/..", "/exec"],
    ["/./\\evil.example", "/%5Cevil.example"],
  ])("sends %s to %s", (target, clean) => {
    expect(cleanedTarget(target)).toBe(clean);
  });

  it.each(["/", "/pods", "/pods/", "/exec/%2e%2e/pods", "/a%2F%2Fb", "/x?a=//", "*"])("leaves %s alone", (target) => {
    expect(cleanedTarget(target)).toBeUndefined();
  });
});
