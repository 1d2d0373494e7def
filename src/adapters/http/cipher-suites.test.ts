import { getCiphers } from "node:tls";
import { describe, expect, it } from "vitest";
import { opensslCiphers, suiteNames } from "./cipher-suites.ts";

describe("opensslCiphers()", () => {
  it("names only suites that OpenSSL knows, for every name we know", () => {
    const known = new Set(getCiphers().map((name) => name.toUpperCase()));
    for (const name of opensslCiphers(suiteNames()).split(":")) expect(known).toContain(name.toUpperCase());
  });

  it("offers forward secrecy and authenticated encryption when nothing is said", () => {
    expect(opensslCiphers([])).toBe(opensslCiphers());
    expect(opensslCiphers().split(":").slice(3)).toHaveLength(6);
    expect(opensslCiphers()).not.toMatch(/SHA(:|$)|CBC|^AES/);
  });

  it("always has the suites of TLS 1.3, and refuses names nobody knows", () => {
    expect(opensslCiphers(["TLS_RSA_WITH_AES_128_CBC_SHA"])).toMatch(/^TLS_AES_128_GCM_SHA256:.*:AES128-SHA$/);
    expect(() => opensslCiphers(["TLS_NULL"])).toThrow('Unknown TLS cipher suite "TLS_NULL"');
  });
});
