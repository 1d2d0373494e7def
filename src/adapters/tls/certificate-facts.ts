import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { CertificateFacts } from "../../ports/client-certificates.ts";
import {
  BasicConstraintsExtension,
  type Extension,
  ExtendedKeyUsageExtension,
  type Name,
  SubjectAlternativeNameExtension,
  X509Certificate,
} from "./x509-library.ts";

export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
/** Subject attribute that carries a user's UID. */
export const USER_UID = "1.3.6.1.4.1.57683.2";

export interface SubjectFacts {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly uids: readonly (string | undefined)[];
}

export interface AlternativeNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly emails: readonly string[];
}

/** Values of types other than the ASN.1 string types come out of the library as "#<hex of DER>". */
function values(name: Name, field: string): readonly string[] {
  return Array.from(name.getField(field));
}

export function subjectFacts(name: Name): SubjectFacts {
  return {
    commonName: values(name, "2.5.4.3").at(-1) ?? "",
    organizations: values(name, "2.5.4.10"),
    uids: values(name, USER_UID).map((uid) => (/^#[0-9a-f]+$/i.test(uid) ? undefined : uid)),
  };
}

export function alternativeNames(extensions: readonly Extension[]): AlternativeNames {
  // The library's lists are subclasses of Array that multiply with each filter(); ours are plain.
  const names = Array.from(extensions)
    .filter((extension) => extension instanceof SubjectAlternativeNameExtension)
    .flatMap((extension) => [...extension.names.items]);
  const of = (type: string): string[] => names.filter((name) => name.type === type).map((name) => name.value);
  return { dnsNames: of("dns"), ipAddresses: of("ip").map(canonicalAddress), uris: of("url"), emails: of("email") };
}

/** One spelling per address, so that two lists of names can be compared. */
export function canonicalAddress(address: string): string {
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}

/** Parses a DER certificate. Throws OrlopError Invalid. */
export function certificateFacts(der: Uint8Array): CertificateFacts {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(new Uint8Array(der));
  } catch (reason) {
    throw new OrlopError("Invalid", `Cannot parse the certificate: ${messageOf(reason)}`, { cause: reason });
  }
  const { extensions } = certificate;
  const usages = extensions.find((extension) => extension instanceof ExtendedKeyUsageExtension);
  const constraints = extensions.find((extension) => extension instanceof BasicConstraintsExtension);
  return {
    ...subjectFacts(certificate.subjectName),
    ...alternativeNames(extensions),
    extendedKeyUsages: Array.from(usages?.usages ?? [], String),
    isAuthority: constraints?.ca === true,
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    serialNumber: certificate.serialNumber,
    sha256: createHash("sha256").update(der).digest("hex"),
  };
}
