import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalLevel, formatLabel, parseLabel, sameLabel, sameLevel } from "./label.ts";

describe("canonicalLevel()", () => {
  it.each([
    ["s0:c20,c10", "s0:c10,c20"],
    ["s0:c1,c2,c3", "s0:c1.c3"],
    ["s0:c5,c5", "s0:c5"],
    ["s0:c0.c1", "s0:c0,c1"],
    ["s0", "s0"],
    ["s0-s0:c0.c1023", "s0-s0:c0.c1023"],
    ["s0-s0", "s0"],
    ["s0:c1.c3,c4,c9", "s0:c1.c4,c9"],
  ])("writes %s as %s, like the kernel", (level, canonical) => {
    expect(canonicalLevel(level)).toBe(canonical);
  });

  it.each(["", "SystemLow", "s0:c3.c1", "s0:x", "s0-s1-s2", "c1"])("leaves %j, which is no level, alone", (level) => {
    expect(canonicalLevel(level)).toBe(level);
  });

  it("does not depend on order, repeats or grouping, and is stable", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(30), { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(11)),
        (categories, shuffle) => {
          const text = (list: readonly number[]): string => `s0:${list.map((category) => `c${category}`).join(",")}`;
          const mixed = [...categories].sort(
            (left, right) =>
              (shuffle[left % (shuffle.length || 1)] ?? 0) - (shuffle[right % (shuffle.length || 1)] ?? 0),
          );
          const canonical = canonicalLevel(text(categories));
          expect(canonicalLevel(text([...mixed, ...categories]))).toBe(canonical);
          expect(canonicalLevel(canonical)).toBe(canonical);
        },
      ),
    );
  });

  it("tells different category sets apart", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(30), { minLength: 1 }), fc.nat(30), (categories, extra) => {
        fc.pre(!categories.includes(extra));
        const level = `s0:${categories.map((category) => `c${category}`).join(",")}`;
        expect(sameLevel(level, `${level},c${extra}`)).toBe(false);
      }),
    );
  });
});

describe("parseLabel()", () => {
  it("keeps the colons of the level", () => {
    expect(parseLabel("system_u:object_r:container_file_t:s0:c1,c2")).toEqual({
      user: "system_u",
      role: "object_r",
      type: "container_file_t",
      level: "s0:c1,c2",
    });
    expect(parseLabel("kernel")).toBeUndefined();
  });

  it("is undone by formatLabel()", () => {
    for (const text of ["a:b:c:s0:c1,c2", ":::s0:c1", "u:::"])
      expect(formatLabel(parseLabel(text) ?? { user: "", role: "", type: "", level: "" })).toBe(text);
    expect(formatLabel({ user: "", role: "", type: "", level: "" })).toBe("");
  });
});

describe("sameLabel()", () => {
  it("compares what the kernel compares", () => {
    expect(sameLabel("u:r:t:s0:c2,c1", "u:r:t:s0:c1,c2")).toBe(true);
    expect(sameLabel("u:r:t:s0:c2,c1", "u:r:x:s0:c1,c2")).toBe(false);
  });
});
