import * as fc from "fast-check";
import { isIP } from "node:net";
import { describe, expect, it } from "vitest";
import { isOnePerFamily, parseIp, validateCidr, validateIp } from "./ip-address.ts";
import { cidrWarnings, formatIp, ipWarnings } from "./ip-warnings.ts";

const HEX = fc.array(fc.constantFrom(..."0123456789abcdefABCDEF:.".split("")), { maxLength: 20 });

describe("parseIp()", () => {
  it("accepts what the operating system accepts, and leading zeros", () => {
    const texts = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      HEX.map((characters) => characters.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const address = parseIp(text);
        const isOdd = address?.family === "IPv4" && address.isAmbiguous;
        if (!isOdd) expect(address !== undefined).toBe(isIP(text) !== 0);
      }),
      { numRuns: 500 },
    );
  });

  it("reads back what it writes", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = parseIp(text);
        if (address === undefined || address.isAmbiguous) return;
        expect(parseIp(formatIp(address))).toEqual(address);
        expect(ipWarnings("f", formatIp(address))).toEqual([]);
      }),
    );
  });

  it.each([
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["010.0.0.001", "10.0.0.1"],
  ])("%s is written %s", (text, canonical) => {
    const address = parseIp(text);
    expect(address && formatIp(address)).toBe(canonical);
  });
});

describe("rules of addresses", () => {
  it.each([
    ["10.0.0.1", []],
    ["10.0.0.01", ['f: Invalid value: "10.0.0.01": must not have leading 0s']],
    ["::ffff:1.2.3.4", ['f: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address']],
    ["host", ['f: Invalid value: "host": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
  ])("%s", (text, problems) => {
    expect(validateIp("f", text).map(({ field, message }) => `${field}: ${message}`)).toEqual(problems);
    expect(validateIp("f", text, [text])).toEqual([]);
  });

  it.each([
    ["10.0.0.0/8", 0, 0],
    ["10.1.0.0/8", 0, 1],
    ["fd00::/64", 0, 0],
    ["FD00::/64", 0, 1],
    ["10.0.0.0", 1, 0],
    ["10.0.0.0/33", 1, 0],
    ["10.0.0.0/x", 1, 0],
  ])("%s has %i problems and %i warnings", (text, problems, warnings) => {
    expect(validateCidr("f", text)).toHaveLength(problems);
    if (problems === 0) expect(cidrWarnings("f", text)).toHaveLength(warnings);
  });

  it("allow one of each family", () => {
    expect(isOnePerFamily(["10.0.0.1", "::1"])).toBe(true);
    expect(isOnePerFamily(["10.0.0.1", "10.0.0.2"])).toBe(false);
  });
});
