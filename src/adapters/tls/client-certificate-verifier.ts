import { createHash, X509Certificate } from "node:crypto";
import { LRUCache } from "lru-cache";
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
/** Chains that were found good and are not worked through again: clients show the same one with each request. */
const REMEMBERED = 1024;

/** A good chain, and the time for which all of its links are valid. */
interface GoodChain {
  readonly facts: CertificateFacts;
  readonly from: number;
  readonly until: number;
}

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

  const good = new LRUCache<string, GoodChain>({ max: REMEMBERED });

  /** The links from this one to a root, undefined when there is no valid way. */
  const wayToRoot = (link: Link, between: readonly Link[], now: number, depth: number): readonly Link[] | undefined => {
    if (expiry(link, now) !== undefined || !allowsClientAuth(link)) return undefined;
    if (trusted.has(link.facts.sha256)) return [link];
    if (depth >= MAX_CHAIN) return undefined;
    for (const issuer of [...roots, ...between]) {
      if (issuer === link || !issuer.facts.isAuthority || !issued(issuer.certificate, link.certificate)) continue;
      const others = between.filter((other) => other !== issuer);
      const way = wayToRoot(issuer, others, now, depth + 1);
      if (way !== undefined) return [link, ...way];
    }
    return undefined;
  };

  return {
    verify(certificates, now): Result<CertificateFacts> {
      const sent = certificates.slice(0, MAX_SENT);
      const key = fingerprint(sent);
      const known = good.get(key);
      if (known !== undefined && now >= known.from && now <= known.until) return ok(known.facts);
      const [leafDer, ...rest] = sent;
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
      const way = wayToRoot(leaf, between, now, 1);
      if (way === undefined) return failed("certificate signed by unknown authority");
      good.set(key, {
        facts: leaf.facts,
        from: Math.max(...way.map(({ facts }) => facts.notBefore)),
        until: Math.min(...way.map(({ facts }) => facts.notAfter)),
      });
      return ok(leaf.facts);
    },
  };
}

function fingerprint(certificates: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const certificate of certificates) hash.update(certificate);
  return hash.digest("base64");
}

function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
