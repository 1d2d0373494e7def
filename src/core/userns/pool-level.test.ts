import { describe, expect, it } from "vitest";
import { describePool, isPoolLow } from "./pool-level.ts";

const counts = (used: number, free: number, reserved = 0) => ({ used, free, reserved });

describe("isPoolLow()", () => {
  it("says so once below a tenth, and takes it back from a fifth on", () => {
    expect(isPoolLow(counts(90, 10), false)).toBe(false);
    expect(isPoolLow(counts(91, 9), false)).toBe(true);
    expect(isPoolLow(counts(81, 19), true)).toBe(true);
    expect(isPoolLow(counts(80, 20), true)).toBe(false);
    expect(isPoolLow(counts(1, 0), false)).toBe(true);
  });
});

describe("describePool()", () => {
  it("tells what is left, what is lost, and what to do", () => {
    expect(describePool(counts(4, 1))).toBe(
      '1 of 5 ranges of user namespace IDs are free; delegate more IDs to the user "kubelet" in /etc/subuid and /etc/subgid, or lower maxPods',
    );
    expect(describePool(counts(3, 1, 1))).toContain("1 is reserved because of mapping files that can not be used");
  });
});
