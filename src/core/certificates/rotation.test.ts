import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideRotation, type HeldCertificate, rotationTime } from "./rotation.ts";

const wanted = { commonName: "system:node:a", organizations: ["system:nodes"], names: ["a", "10.0.0.1"] };
const held: HeldCertificate = { ...wanted, notBefore: 1_000, notAfter: 2_000 };

describe("decideRotation()", () => {
  it("asks for a certificate when there is none, when it ran out, and when it names something else", () => {
    expect(decideRotation(undefined, wanted, 1_100, 0)).toEqual({ rotate: true, reason: "missing" });
    expect(decideRotation(held, wanted, 2_000, 0.5)).toEqual({ rotate: true, reason: "expired" });
    expect(decideRotation({ ...held, commonName: "system:node:b" }, wanted, 1_100, 0)).toMatchObject({
      reason: "subject-changed",
    });
    expect(decideRotation(held, { ...wanted, names: ["a", "10.0.0.2"] }, 1_100, 0)).toMatchObject({
      reason: "names-changed",
    });
  });

  it("keeps a certificate with more names than needed", () => {
    expect(decideRotation(held, { ...wanted, names: ["a"] }, 1_100, 0)).toEqual({ rotate: false, at: 1_700 });
  });

  it("renews between 70 and 90 percent of its life, never before and never after", () => {
    const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fraction, fc.integer({ min: 1_000, max: 1_999 }), (drawn, now) => {
        const at = rotationTime(held, drawn);
        expect(at).toBeGreaterThanOrEqual(1_700);
        expect(at).toBeLessThanOrEqual(1_900);
        expect(decideRotation(held, wanted, now, drawn).rotate).toBe(now >= at);
      }),
    );
  });
});
