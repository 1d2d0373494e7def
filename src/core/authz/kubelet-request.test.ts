import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classifyKubeletRequest, CONNECT_PATHS, isBelow, subresourcesFor } from "./kubelet-request.ts";

const on = { fineGrained: true };
const off = { fineGrained: false };

describe("subresourcesFor", () => {
  it.each([
    { path: "/pods", withGate: ["pods", "proxy"], without: ["proxy"] },
    { path: "/pods/", withGate: ["pods", "proxy"], without: ["proxy"] },
    { path: "/runningpods/", withGate: ["pods", "proxy"], without: ["proxy"] },
    { path: "/runningpods", withGate: ["pods", "proxy"], without: ["proxy"] },
    { path: "/runningPods/", withGate: ["pods", "proxy"], without: ["proxy"] },
    { path: "/healthz", withGate: ["healthz", "proxy"], without: ["proxy"] },
    { path: "/healthz/syncloop", withGate: ["healthz", "proxy"], without: ["proxy"] },
    { path: "/configz", withGate: ["configz", "proxy"], without: ["proxy"] },
    { path: "/flagz", withGate: ["configz"], without: ["configz"] },
    { path: "/statusz", withGate: ["statusz"], without: ["statusz"] },
    { path: "/stats/summary", withGate: ["stats"], without: ["stats"] },
    { path: "/metrics/cadvisor", withGate: ["metrics"], without: ["metrics"] },
    { path: "/logs/syslog", withGate: ["log"], without: ["log"] },
    { path: "/checkpoint/ns/pod/c", withGate: ["checkpoint"], without: ["checkpoint"] },
    { path: "/spec/", withGate: ["spec"], without: ["spec"] },
    { path: "/exec/ns/pod/c", withGate: ["proxy"], without: ["proxy"] },
    { path: "/containerLogs/ns/pod/c", withGate: ["proxy"], without: ["proxy"] },
    { path: "/debug/pprof/heap", withGate: ["proxy"], without: ["proxy"] },
    { path: "/", withGate: ["proxy"], without: ["proxy"] },
    { path: "", withGate: ["proxy"], without: ["proxy"] },
    { path: "/podsx", withGate: ["proxy"], without: ["proxy"] },
    { path: "/PODS", withGate: ["proxy"], without: ["proxy"] },
    { path: "//pods", withGate: ["proxy"], without: ["proxy"] },
    { path: "/metricsx", withGate: ["proxy"], without: ["proxy"] },
    { path: "/./metrics", withGate: ["proxy"], without: ["proxy"] },
  ])("$path", ({ path, withGate, without }) => {
    expect(subresourcesFor(path, on)).toEqual(withGate);
    expect(subresourcesFor(path, off)).toEqual(without);
  });
});

describe("classifyKubeletRequest", () => {
  it.each([
    ["GET", "get"],
    ["POST", "create"],
    ["PUT", "update"],
    ["PATCH", "patch"],
    ["DELETE", "delete"],
    ["HEAD", ""],
    ["OPTIONS", ""],
    ["CONNECT", ""],
    ["get", ""],
    ["constructor", ""],
  ])("takes %s as verb %j", (method, verb) => {
    expect(classifyKubeletRequest(method, "/metrics", on)).toMatchObject({ action: "read", verb });
  });

  it("asks for create on every way into a container, whatever the method", () => {
    for (const path of ["/exec/ns/pod/c", "/attach/ns/pod/uid/c", "/portForward/ns/pod", "/run/ns/pod/c", "/exec"]) {
      for (const method of ["GET", "POST", "HEAD", "get", "DELETE"]) {
        expect(classifyKubeletRequest(method, path, on), `${method} ${path}`).toMatchObject({
          action: "connect",
          verb: "create",
          subresources: ["proxy"],
        });
      }
    }
    expect(classifyKubeletRequest("GET", "/exec/ns/pod/c", on).methodVerb).toBe("get");
  });

  it("does not take look-alikes for ways into a container", () => {
    for (const path of ["/EXEC/ns/pod/c", "/execute", "/runningpods/", "/portforward/ns/pod", "//exec/ns/pod/c"]) {
      expect(classifyKubeletRequest("GET", path, on).action, path).toBe("read");
    }
  });

  it("knows what changes the node", () => {
    expect(classifyKubeletRequest("POST", "/checkpoint/ns/pod/c", on).action).toBe("mutate");
    expect(classifyKubeletRequest("PUT", "/debug/flags/v", on).action).toBe("mutate");
    expect(classifyKubeletRequest("DELETE", "/metrics/slis", on).action).toBe("mutate");
    expect(classifyKubeletRequest("GET", "/metrics/slis", on).action).toBe("read");
  });

  it("never offers less than proxy for connect, and never more than one way around a fine-grained one", () => {
    const segment = fc.constantFrom(
      "exec",
      "attach",
      "pods",
      "metrics",
      "..",
      ".",
      "",
      "%65xec",
      "Exec",
      "a/b",
      "stats",
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 4 }), fc.constantFrom("GET", "POST", "HEAD"), (segments, method) => {
        const path = `/${segments.join("/")}`;
        const found = classifyKubeletRequest(method, path, on);
        const connects = CONNECT_PATHS.some((base) => path === base || path.startsWith(`${base}/`));
        expect(found.action === "connect").toBe(connects);
        if (connects) expect(found).toMatchObject({ verb: "create", subresources: ["proxy"] });
        expect(found.subresources.length).toBeLessThanOrEqual(2);
        if (found.subresources.length === 2) expect(found.subresources[1]).toBe("proxy");
      }),
    );
  });
});

describe("isBelow", () => {
  it.each([
    ["/foo", "/foo", true],
    ["/foo/", "/foo", true],
    ["/foo/bar", "/foo", true],
    ["/foobar", "/foo", false],
    ["/fo", "/foo", false],
    ["", "/foo", false],
  ])("%s below %s: %s", (path, base, expected) => {
    expect(isBelow(path, base)).toBe(expected);
  });
});
