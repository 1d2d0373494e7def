import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  milliUnits,
  parseQuantity,
  quantityOf,
  subtractQuantities,
  wholeUnits,
} from "./quantity.ts";

describe("canonicalQuantity()", () => {
  it.each([
    ["0", "0"],
    ["0.000", "0"],
    ["1", "1"],
    ["1000", "1k"],
    ["1000m", "1"],
    ["0.5", "500m"],
    ["1.5", "1500m"],
    ["100m", "100m"],
    ["1.5Gi", "1536Mi"],
    ["1024Mi", "1Gi"],
    ["128Mi", "128Mi"],
    ["134217728", "134217728"],
    ["0.5Ki", "512"],
    ["1Ki", "1Ki"],
    ["0.3Mi", "314572800m"],
    ["12e6", "12e6"],
    ["12E6", "12e6"],
    ["1e3", "1e3"],
    ["1500e-3", "1500e-3"],
    ["1E", "1E"],
    ["1000E", "1000E"],
    ["8Ei", "9223372036854775807"],
    ["0.1n", "1n"],
    ["-0.1n", "-1n"],
    [".5", "500m"],
    ["5.", "5"],
    ["+5", "5"],
    ["-5Gi", "-5Gi"],
  ])("writes %s as %s", (given, expected) => {
    expect(canonicalQuantity(given)).toBe(expected);
  });
});

describe("parseQuantity()", () => {
  it.each(["", "abc", "1 ", " 1", "1.1.M", "1KI", "1+1.0M", "0.1am", "aoeu", "1.5.6", "--1", "Gi"])(
    "refuses %j as no quantity",
    (text) => {
      expect(parseQuantity(text)).toEqual({ ok: false, reason: expect.stringMatching(/regular expression/u) });
    },
  );

  it.each(["1i", "1mi", "0.1mi0", "1Mk", "1e", "1e5000"])("refuses the suffix of %j", (text) => {
    expect(parseQuantity(text)).toEqual({ ok: false, reason: "unable to parse quantity's suffix" });
  });

  it("refuses a dot without digits", () => {
    expect(parseQuantity(".")).toEqual({ ok: false, reason: "unable to parse numeric part of quantity" });
  });

  it("refuses texts too long to be an amount", () => {
    expect(parseQuantity("9".repeat(100_000)).ok).toBe(false);
  });
});

const anyQuantity = fc
  .tuple(
    fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
    fc.nat({ max: 999_999_999 }),
    fc.constantFrom("n", "u", "m", "", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "e3", "E-2"),
  )
  .map(([whole, fraction, suffix]) => quantityOf(`${whole}.${fraction}${suffix}`));

describe("quantity arithmetic", () => {
  it("reading a canonical text gives the same amount and the same text", () => {
    fc.assert(
      fc.property(anyQuantity, (quantity) => {
        const text = formatQuantity(quantity);
        expect(text).toMatch(/^-?\d+([numkMGTPE]|[KMGTPE]i|e-?\d+)?$/u);
        expect(compareQuantities(quantityOf(text), quantity)).toBe(0);
        expect(formatQuantity(quantityOf(text))).toBe(text);
      }),
    );
  });

  it("adding then subtracting gives the amount back", () => {
    fc.assert(
      fc.property(anyQuantity, anyQuantity, (a, b) => {
        expect(subtractQuantities(addQuantities(a, b), b).nanos).toBe(a.nanos);
        expect(addQuantities(a, b).nanos).toBe(addQuantities(b, a).nanos);
      }),
    );
  });

  it("rounds whole units and thousandths away from zero", () => {
    expect(wholeUnits(quantityOf("1.5"))).toBe(2n);
    expect(wholeUnits(quantityOf("-1.5"))).toBe(-2n);
    expect(wholeUnits(quantityOf("1n"))).toBe(1n);
    expect(milliUnits(quantityOf("1.0001"))).toBe(1001n);
    expect(milliUnits(quantityOf("2"))).toBe(2000n);
  });

  it("a zero takes the format of what is added", () => {
    expect(formatQuantity(addQuantities(quantityOf("0"), quantityOf("64Mi")))).toBe("64Mi");
    expect(formatQuantity(addQuantities(quantityOf("1Gi"), quantityOf("1024")))).toBe("1048577Ki");
  });
});
