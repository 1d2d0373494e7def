import { X509Certificate } from "node:crypto";
import { failed, ok, type Result } from "../../lib/result.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { CertificateFacts, ClientCertificateVerifier } from "../../ports/client-certificates.ts";
import { certificateFacts, CLIENT_AUTH } from "./certificate-facts.ts";
import { decodePem } from "./pem.ts";

const ANY_USAGE = "2.5.29.37.0";
/** Longest chain that is followed; real ones have two or three links. */
const MAX_CHAIN = 8;
/** More certificates than this from one peer are not looked at. */
const MAX_SENT = 16;

interface Link {
  readonly certificate: X509Certificate;
  readonly facts: CertificateFacts;
}

function readLink(der: Uint8Array): Link {
  return { certificate: new X509Certificate(der), facts: certificateFacts(der) };
}

function expiry(link: Link, now: number): string | undefined {
  if (now < link.facts.notBefore) return "certificate is not yet valid";
  return now > link.facts.notAfter ? "certificate has expired" : undefined;
}

function allowsClientAuth({ facts }: Link): boolean {
  const usages = facts.extendedKeyUsages;
  return usages.length === 0 || usages.includes(CLIENT_AUTH) || usages.includes(ANY_USAGE);
}

/**
 * Verifies client chains against a bundle of authorities (PEM). Every link must be in its validity time, allow client
 * authentication, and be signed by the next, which must be an authority; the last must be in the bundle.
 * Throws OrlopError Invalid when the bundle holds no certificate.
 */
export function createClientCertificateVerifier(bundlePem: string): ClientCertificateVerifier {
  const roots = decodePem(bundlePem, "CERTIFICATE").map(readLink);
  if (roots.length === 0) throw new OrlopError("Invalid", "Cannot find a certificate in the client CA bundle");
  const trusted = new Set(roots.map((root) => root.facts.sha256));

  const leadsToRoot = (link: Link, between: readonly Link[], now: number, depth: number): boolean => {
    if (expiry(link, now) !== undefined || !allowsClientAuth(link)) return false;
    if (trusted.has(link.facts.sha256)) return true;
    if (depth >= MAX_CHAIN) return false;
    return [...roots, ...between].some(
      (issuer) =>
        issuer !== link &&
        issuer.facts.isAuthority &&
        issued(issuer.certificate, link.certificate) &&
        leadsToRoot(
          issuer,
          between.filter((other) => other !== issuer),
          now,
          depth + 1,
        ),
    );
  };

  return {
    verify(certificates, now): Result<CertificateFacts> {
      const [leafDer, ...rest] = certificates.slice(0, MAX_SENT);
      if (leafDer === undefined) return failed("no certificate was sent");
      let leaf: Link;
      let between: readonly Link[];
      try {
        leaf = readLink(leafDer);
        between = rest.map(readLink);
      } catch (reason) {
        return failed(messageOf(reason));
      }
      const outOfTime = expiry(leaf, now);
      if (outOfTime !== undefined) return failed(outOfTime);
      if (!allowsClientAuth(leaf)) return failed("certificate specifies an incompatible key usage");
      if (!leadsToRoot(leaf, between, now, 1)) return failed("certificate signed by unknown authority");
      return ok(leaf.facts);
    },
  };
}

function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
