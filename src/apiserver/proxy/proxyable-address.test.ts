import { describe, expect, it } from "vitest";
import { isProxyableAddress } from "./proxyable-address.ts";

describe("isProxyableAddress()", () => {
  it.each(["10.0.0.1", "192.168.1.1", "8.8.8.8", "fd00::1", "2001:db8::1", "::ffff:10.0.0.1"])(
    "allows %s",
    (address) => {
      expect(isProxyableAddress(address)).toBe(true);
    },
  );

  it.each([
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "255.255.255.255",
    "169.254.169.254",
    "224.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "0:0:0:0:0:0:0:1",
    "10.0.0.256",
    "localhost",
    "",
    "10.0.0.1:80",
    "2130706433",
  ])("refuses %s", (address) => {
    expect(isProxyableAddress(address)).toBe(false);
  });
});
