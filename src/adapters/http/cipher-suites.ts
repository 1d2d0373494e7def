import { OrlopError } from "../../lib/orlop-error.ts";

/** IANA names, as Kubernetes configuration has them, to OpenSSL's. */
const OPENSSL_NAMES: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: "ECDHE-ECDSA-AES128-SHA256",
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: "ECDHE-RSA-AES128-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: "ECDHE-ECDSA-AES128-SHA",
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: "ECDHE-RSA-AES128-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: "ECDHE-ECDSA-AES256-SHA",
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: "ECDHE-RSA-AES256-SHA",
  TLS_RSA_WITH_AES_128_GCM_SHA256: "AES128-GCM-SHA256",
  TLS_RSA_WITH_AES_256_GCM_SHA384: "AES256-GCM-SHA384",
  TLS_RSA_WITH_AES_128_CBC_SHA256: "AES128-SHA256",
  TLS_RSA_WITH_AES_128_CBC_SHA: "AES128-SHA",
  TLS_RSA_WITH_AES_256_CBC_SHA: "AES256-SHA",
};

const TLS13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/** What is offered when the configuration names none: forward secrecy and authenticated encryption only. */
const DEFAULT_SUITES = Object.keys(OPENSSL_NAMES).filter(
  (name) => name.startsWith("TLS_ECDHE_") && (name.includes("_GCM_") || name.endsWith("POLY1305_SHA256")),
);

/**
 * OpenSSL's cipher string for IANA suite names. As in Kubernetes the list governs TLS up to 1.2; the suites of 1.3 are
 * always there. Throws OrlopError Invalid for a name nobody knows.
 */
export function opensslCiphers(suites: readonly string[] = DEFAULT_SUITES): string {
  const chosen = suites.length === 0 ? DEFAULT_SUITES : suites;
  const names = chosen
    .filter((name) => !TLS13.includes(name))
    .map((name) => {
      const known = OPENSSL_NAMES[name];
      if (known === undefined) {
        throw new OrlopError("Invalid", `Unknown TLS cipher suite "${name}"; known are ${suiteNames().join(", ")}`);
      }
      return known;
    });
  return [...TLS13, ...names].join(":");
}

export function suiteNames(): readonly string[] {
  return [...TLS13, ...Object.keys(OPENSSL_NAMES)];
}
