import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fairShares } from "./fair-shares.ts";

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

describe("fairShares()", () => {
  it("gives the modest what they want and divides the rest", () => {
    expect(fairShares([100, 1, 100, 2], 13)).toEqual([5, 1, 5, 2]);
    expect(fairShares([3, 1], 10)).toEqual([3, 1]);
    expect(fairShares([5, 5, 5], 2)).toEqual([0, 1, 1]);
  });

  it("uses all of the limit, and never gives much to one and little to another who wants more", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 30 }), fc.nat(300), (wanted, limit) => {
        const shares = fairShares(wanted, limit);
        expect(sum(shares)).toBe(Math.min(limit, sum(wanted)));
        const most = Math.max(0, ...shares);
        shares.forEach((share, position) => {
          expect(share).toBeLessThanOrEqual(wanted[position] ?? 0);
          if (share < (wanted[position] ?? 0)) expect(share).toBeGreaterThanOrEqual(most - 1);
        });
      }),
    );
  });
});
