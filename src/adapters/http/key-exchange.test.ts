import { describe, expect, it } from "vitest";
import { opensslGroups } from "./key-exchange.ts";

describe("opensslGroups()", () => {
  it.each([
    [[], undefined],
    [[29], "X25519"],
    [[23, 24, 25, 29], "P-256:P-384:P-521:X25519"],
  ])("%j is %s", (preferences, groups) => {
    expect(opensslGroups(preferences)).toBe(groups);
  });

  it.each([
    [[0], "0 is out of range"],
    [[-1], "-1 is out of range"],
    [[70_000], "70000 is out of range"],
    [[23, 29, 23], "23 is given twice"],
    [[9_999], "9999 is not known; known are 23"],
  ])("refuses %j", (preferences, text) => {
    expect(() => opensslGroups(preferences)).toThrow(text);
  });

  it("says which OpenSSL can not do a group, or has it", () => {
    let said = "X25519MLKEM768";
    try {
      said = opensslGroups([4_588]) ?? "";
    } catch (reason) {
      said = String(reason);
    }
    expect(said).toContain("X25519MLKEM768");
  });
});
