import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isConnectPath } from "../../core/authz/kubelet-request.ts";
import { cleanPath, encodePath, rawQueryOf, rewriteLocation } from "./proxy-path.ts";

const path = fc
  .array(fc.oneof(fc.constantFrom("exec", "run", "..", ".", "", "pods", "%2F", "EXEC"), fc.string()), { maxLength: 6 })
  .map((segments) => `/${segments.join("/")}`);

describe("cleanPath()", () => {
  it.each([
    ["", ""],
    ["/", "/"],
    ["//exec//a/", "/exec/a/"],
    ["/metrics/../exec/./a", "/exec/a"],
    ["/../../x", "/x"],
    ["/a/..", "/"],
  ])("makes %j into %j", (from, to) => {
    expect(cleanPath(from)).toBe(to);
  });

  it("leaves nothing another server could still clean away", () => {
    fc.assert(
      fc.property(path, (dirty) => {
        const clean = cleanPath(dirty);
        expect(cleanPath(clean)).toBe(clean);
        expect(clean.startsWith("/")).toBe(true);
        expect(clean.slice(1).split("/").slice(0, -1)).not.toContain("");
        expect(clean.split("/")).not.toContain("..");
      }),
    );
  });
});

describe("encodePath()", () => {
  it("is what a kubelet decodes to the very path that was decided on", () => {
    fc.assert(
      fc.property(path, (dirty) => {
        const clean = cleanPath(dirty);
        const decoded = decodeURIComponent(encodePath(clean));
        expect(decoded).toBe(clean);
        expect(isConnectPath(decoded)).toBe(isConnectPath(clean));
        expect(encodePath(clean)).toMatch(/^[!-~]*$/);
        expect(encodePath(clean)).not.toMatch(/[?#]/);
      }),
    );
  });
});

describe("rawQueryOf()", () => {
  it("gives the query as it was sent", () => {
    expect([rawQueryOf("/a?x=%20?y"), rawQueryOf("/a")]).toEqual(["?x=%20?y", ""]);
  });
});

describe("rewriteLocation()", () => {
  const prefix = "/api/v1/namespaces/n/pods/p/proxy";
  it.each([
    ["/login", `${prefix}/login`],
    ["/", `${prefix}/`],
    ["http://10.0.0.1:8080/x?y=1#z", `${prefix}/x?y=1#z`],
    ["https://api:6443/x", `${prefix}/x`],
    ["http://10.0.0.1:8080", `${prefix}/`],
    ["https://elsewhere/x", "https://elsewhere/x"],
    ["relative", "relative"],
    ["//elsewhere/x", "//elsewhere/x"],
    [`${prefix}/x`, `${prefix}/x`],
  ])("makes %s into %s", (from, to) => {
    expect(rewriteLocation(from, prefix, ["10.0.0.1:8080", "api:6443"])).toBe(to);
  });
});
