import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRequestTarget } from "./request-target.ts";

describe("parseRequestTarget()", () => {
  it.each([
    ["/a/b?x=1?y", { path: "/a/b", rawQuery: "x=1?y" }],
    ["/a%2Fb/%2e%2e/c", { path: "/a/b/../c", rawPath: "/a%2Fb/%2e%2e/c" }],
    ["//a/./b/../c", { path: "//a/./b/../c" }],
    ["/%25zz", { path: "/%zz" }],
    ["/%E2%82%AC+", { path: "/€+" }],
    ["http://host:1/p?q", { origin: "/p?q", path: "/p", rawQuery: "q" }],
    ["http://host//p%2F..?q?", { origin: "//p%2F..?q?", path: "//p/..", rawQuery: "q?" }],
    ["HTTPS://host", { origin: "/", path: "/" }],
    ["http://host?q", { origin: "/?q", path: "/", rawQuery: "q" }],
    ["*", { path: "*" }],
  ])("decodes %s once and normalises nothing", (target, expected) => {
    expect(parseRequestTarget(target)).toMatchObject({ ok: true, value: expected });
  });

  it.each(["/%", "/%z1", "/a%f", "/%ff", "/%c0%af", "a/b", "", "?x", "ftp://host/"])("refuses %s", (target) => {
    expect(parseRequestTarget(target).ok).toBe(false);
  });

  it("gives back every path that was encoded segment by segment", () => {
    const segments = fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(segments, fc.string(), (parts, query) => {
        const raw = `/${parts.map(encodeURIComponent).join("/")}`;
        const target = `${raw}?${query}`;
        expect(parseRequestTarget(target)).toEqual({
          ok: true,
          value: { origin: target, path: `/${parts.join("/")}`, rawPath: raw, rawQuery: query },
        });
      }),
    );
  });

  it("never throws and never invents a path: what it decodes is what decodeURIComponent() says", () => {
    const piece = fc.oneof(fc.constantFrom("%", "%2F", "%2e", "..", "//", "/", "?", "%25", "%zz", "*"), fc.string());
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const target = pieces.join("");
        const parsed = parseRequestTarget(target);
        if (!parsed.ok) return;
        expect(parsed.value.path).toBe(decodeURIComponent(parsed.value.rawPath));
        expect(parsed.value.path === "*" || parsed.value.path.startsWith("/")).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
