import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AddressRange,
  choosePodRange,
  formatRange,
  masqueradeRules,
  parseRange,
  parseRoutes,
  rangesOverlap,
} from "./pod-network.ts";

const range = (cidr: string): AddressRange => parseRange(cidr) ?? { address: -1, prefix: -1 };

describe("choosePodRange()", () => {
  it("overlaps no route, whatever the host has", () => {
    const routes = fc.array(
      fc.record({ address: fc.integer({ min: 0x0a000000, max: 0x0affffff }), prefix: fc.integer({ min: 9, max: 32 }) }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), routes, (seed, taken) => {
        const chosen = choosePodRange(seed, taken);
        if (!chosen.ok) return;
        const own = range(chosen.value);
        expect(own.prefix).toBe(22);
        expect(own.address % 1024).toBe(0);
        expect(taken.some((other) => rangesOverlap(own, other))).toBe(false);
      }),
    );
  });

  it("leaves 10.0.0.0/8 when the host routes all of it", () => {
    expect(choosePodRange(0, [range("10.0.0.0/8")])).toEqual({ ok: true, value: "172.16.0.0/22" });
  });

  it("says so when nothing is left", () => {
    const all = ["10.0.0.0/8", "172.16.0.0/12", "100.64.0.0/10", "192.168.0.0/16"].map(range);
    expect(choosePodRange(7, all).ok).toBe(false);
  });
});

describe("parseRange() and formatRange()", () => {
  it("are each other's opposite", () => {
    expect(formatRange(range("10.95.148.0/22"))).toBe("10.95.148.0/22");
    expect(range("192.0.2.7")).toEqual({ address: 0xc0000207, prefix: 32 });
  });

  it.each(["", "10.0.0/8", "10.0.0.0/33", "10.0.0.256/8", "fd00::/64"])("refuse %j", (text) => {
    expect(parseRange(text)).toBeUndefined();
  });
});

describe("parseRoutes()", () => {
  it("reads the kernel's table", () => {
    const table = [
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
      "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
      "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
      "",
    ].join("\n");
    const routes = parseRoutes(table).map(({ device, range: found }) => `${device} ${formatRange(found)}`);
    expect(routes).toEqual(["eth0 0.0.0.0/0", "eth0 192.0.2.0/24"]);
  });
});

describe("masqueradeRules()", () => {
  it("replaces the table of an earlier start", () => {
    const rules = masqueradeRules({ table: "orlop_1", bridge: "orlop1", podRange: "10.64.0.0/22" });
    expect(rules.split("\n").slice(0, 2)).toEqual(["add table ip orlop_1", "delete table ip orlop_1"]);
    expect(rules).toContain('ip saddr 10.64.0.0/22 ip daddr != 10.64.0.0/22 oifname != "orlop1" masquerade');
  });
});
