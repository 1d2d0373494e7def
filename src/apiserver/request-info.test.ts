import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRequestInfo } from "./request-info.ts";

function parse(method: string, target: string) {
  const [path = "", query = ""] = target.split("?");
  return parseRequestInfo({ method, path: decodeURIComponent(path), query: new URLSearchParams(query) });
}

describe("parseRequestInfo", () => {
  it.each([
    ["GET", "/api/v1/namespaces", "list", "", "v1", "namespaces", "", "", ""],
    ["GET", "/api/v1/namespaces/other", "get", "", "v1", "namespaces", "", "other", "other"],
    ["PUT", "/api/v1/namespaces/other/finalize", "update", "", "v1", "namespaces", "finalize", "other", "other"],
    ["PATCH", "/api/v1/namespaces/other/status", "patch", "", "v1", "namespaces", "status", "other", "other"],
    ["GET", "/api/v1/namespaces/other/pods", "list", "", "v1", "pods", "", "other", ""],
    ["GET", "/api/v1/namespaces/other/pods/foo", "get", "", "v1", "pods", "", "other", "foo"],
    ["GET", "/api/v1/pods", "list", "", "v1", "pods", "", "", ""],
    ["GET", "/api/v1/pods?watch=true", "watch", "", "v1", "pods", "", "", ""],
    ["GET", "/api/v1/pods?watch", "watch", "", "v1", "pods", "", "", ""],
    ["GET", "/api/v1/pods?watch=0", "list", "", "v1", "pods", "", "", ""],
    ["GET", "/api/v1/pods?watch=False", "list", "", "v1", "pods", "", "", ""],
    ["HEAD", "/api/v1/nodes/n", "get", "", "v1", "nodes", "", "", "n"],
    ["POST", "/api/v1/namespaces/other/pods", "create", "", "v1", "pods", "", "other", ""],
    ["DELETE", "/api/v1/namespaces/other/pods", "deletecollection", "", "v1", "pods", "", "other", ""],
    ["DELETE", "/api/v1/namespaces/other/pods/foo", "delete", "", "v1", "pods", "", "other", "foo"],
    ["OPTIONS", "/api/v1/pods/foo", "", "", "v1", "pods", "", "", "foo"],
    ["GET", "/api/v1/watch/pods", "watch", "", "v1", "pods", "", "", ""],
    ["GET", "/api/v1/watch/namespaces/other/pods/foo", "watch", "", "v1", "pods", "", "other", "foo"],
    ["GET", "/api/v1/proxy/namespaces/other/pods/foo", "proxy", "", "v1", "pods", "", "other", "foo"],
    ["GET", "/apis/rbac.authorization.k8s.io/v1/roles", "list", "rbac.authorization.k8s.io", "v1", "roles", "", "", ""],
    ["GET", "/apis/apps/v1/namespaces/n/deployments/d/status", "get", "apps", "v1", "deployments", "status", "n", "d"],
    ["GET", "/api/v1/pods?fieldSelector=metadata.name%3Dfoo", "list", "", "v1", "pods", "", "", "foo"],
    ["GET", "/api/v1/pods?fieldSelector=metadata.name%3D..%252Ffoo", "list", "", "v1", "pods", "", "", ""],
    ["GET", "/api/v1/pods?fieldSelector=metadata.name!%3Dfoo", "list", "", "v1", "pods", "", "", ""],
  ])("%s %s", (method, target, verb, group, version, resource, subresource, namespace, name) => {
    const found = parse(method, target);
    expect(found).toMatchObject({ type: "resource", verb, group, version, resource, subresource, namespace, name });
  });

  it.each([
    "/",
    "/api",
    "/api/v1",
    "/apis",
    "/apis/apps",
    "/apis/apps/v1",
    "/apis//v1/pods",
    "/healthz",
    "/other/v1/pods",
  ])("%s is no resource", (path) => {
    expect(parse("GET", path)).toMatchObject({ type: "non-resource", path, verb: "get", resource: "" });
  });

  it("keeps what follows a subresource, the last slash included", () => {
    expect(parse("GET", "/api/v1/nodes/n/proxy/metrics/cadvisor/")).toMatchObject({
      subresource: "proxy",
      name: "n",
      remainder: "/metrics/cadvisor/",
    });
    expect(parse("GET", "/api/v1/nodes/n/proxy/")).toMatchObject({ subresource: "proxy", remainder: "/" });
    expect(parse("GET", "/api/v1/nodes/n/proxy")).toMatchObject({ subresource: "proxy", remainder: "" });
  });

  it("refuses a verb in the path with nothing behind it", () => {
    expect(() => parse("GET", "/api/v1/watch")).toThrow("unable to determine kind and namespace from url");
  });

  it("reads an encoded slash as a slash, for routing and authorization alike", () => {
    expect(parse("GET", "/api/v1/namespaces/a%2Fsecrets%2Fb")).toMatchObject({
      namespace: "a",
      resource: "secrets",
      name: "b",
    });
  });

  it("never names what the path does not hold", () => {
    const segment = fc.constantFrom(
      "api",
      "apis",
      "v1",
      "apps",
      "namespaces",
      "a",
      "pods",
      "x",
      "status",
      "watch",
      "",
      "..",
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 9 }), (segments) => {
        const path = `/${segments.join("/")}`;
        let info;
        try {
          info = parse("GET", path);
        } catch {
          return;
        }
        for (const value of [info.group, info.version, info.resource, info.subresource, info.namespace, info.name]) {
          expect(value === "" || segments.some((each) => each === value)).toBe(true);
        }
        if (info.type === "resource")
          expect(info.resource !== "" || info.name === "" || segments.includes("")).toBe(true);
      }),
    );
  });
});
