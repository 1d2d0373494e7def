import { describe, expect, it } from "vitest";
import { unifiedDiff } from "./unified-diff.ts";

describe("unifiedDiff()", () => {
  it("says nothing about values that are the same, whatever the order of their fields", () => {
    expect(unifiedDiff({ a: 1, b: [2] }, { b: [2], a: 1 })).toBe("");
  });

  it("shows what changed with three lines around it", () => {
    const list = (changed: number): object => ({ list: [1, 2, 3, 4, changed, 6, 7, 8, 9] });
    expect(unifiedDiff(list(5), list(0))).toBe(
      "@@ -4,7 +4,7 @@\n   2,\n   3,\n   4,\n-  5,\n+  0,\n   6,\n   7,\n   8,\n",
    );
  });

  it("shows changes that are far apart each on their own", () => {
    const list = (first: number, last: number): readonly number[] => [first, 2, 3, 4, 5, 6, 7, 8, 9, last];
    expect(unifiedDiff(list(1, 10), list(0, 11)).match(/^@@.*@@$/gmu)).toEqual(["@@ -1,5 +1,5 @@", "@@ -8,5 +8,5 @@"]);
  });

  it("shows what came and went", () => {
    expect(unifiedDiff(undefined, { a: 1 })).toBe('@@ -1 +1,3 @@\n-null\n+{\n+ "a": 1\n+}\n');
  });
});
