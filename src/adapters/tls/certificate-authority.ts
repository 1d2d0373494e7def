import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { canonicalAddress, USER_UID } from "./certificate-facts.ts";
import { decodeFirstPem, encodePem } from "./pem.ts";
import { keyUsages } from "./key-usages.ts";
import { importKeyPair, type KeyPair, readKeyPair } from "./key-pair.ts";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  type Extension,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "./x509-library.ts";

export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly uid?: string;
}

export interface CertificateTemplate {
  /** A `Name` is taken over as it stands, e.g. out of a certificate request. */
  readonly subject: Subject | Name;
  /** DNS names and IP addresses mixed; what reads as an address becomes one. */
  readonly names?: readonly string[];
  /** DNS names whatever they read like: a request's "10.0.0.1" as DNS name must not turn into an address. */
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly uris?: readonly string[];
  readonly emails?: readonly string[];
  /** Kubernetes key usages, e.g. "client auth"; see key-usages.ts. */
  readonly usages: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export type AlternativeNameTemplate = Pick<
  CertificateTemplate,
  "names" | "dnsNames" | "ipAddresses" | "uris" | "emails"
>;

export interface CertificateAuthority {
  readonly certificatePem: string;
  /** End of the authority's own life, milliseconds since the epoch. */
  readonly notAfter: number;
  /** Signs a certificate for a public key (SubjectPublicKeyInfo, PEM). Returns PEM. Never outlives the authority. */
  issue(publicKeyPem: string, template: CertificateTemplate): Promise<string>;
}

export function subjectName({ commonName, organizations = [], uid }: Subject): JsonName {
  return [
    ...organizations.map((organization) => ({ O: [organization] })),
    { CN: [commonName] },
    ...(uid === undefined ? [] : [{ [USER_UID]: [uid] }]),
  ];
}

export function generalNames(template: AlternativeNameTemplate): JsonGeneralNames {
  return [
    ...(template.names ?? []).map((name) =>
      isIP(name) === 0 ? { type: "dns" as const, value: name } : { type: "ip" as const, value: canonicalAddress(name) },
    ),
    ...(template.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(template.ipAddresses ?? []).map((value) => ({ type: "ip" as const, value })),
    ...(template.uris ?? []).map((value) => ({ type: "url" as const, value })),
    ...(template.emails ?? []).map((value) => ({ type: "email" as const, value })),
  ];
}

function shown(subject: Subject | Name): string {
  return subject instanceof Name ? subject.toString() : subject.commonName;
}

/** A positive number of 128 random bits. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

/** A new self-signed authority. */
export async function createAuthority(
  keys: KeyPair,
  options: { readonly commonName: string; readonly notBefore: number; readonly notAfter: number },
): Promise<CertificateAuthority> {
  const { keys: imported, algorithm } = await importKeyPair(keys);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: subjectName({ commonName: options.commonName }),
    notBefore: new Date(options.notBefore),
    notAfter: new Date(options.notAfter),
    keys: imported,
    signingAlgorithm: algorithm.signature,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(
        KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment | KeyUsageFlags.keyCertSign,
        true,
      ),
      await SubjectKeyIdentifierExtension.create(imported.publicKey),
    ],
  });
  return await loadAuthority(encodePem(new Uint8Array(certificate.rawData), "CERTIFICATE"), keys.privateKeyPem);
}

/** An authority from its certificate and key. Throws OrlopError Invalid when they do not belong together. */
export async function loadAuthority(certificatePem: string, privateKeyPem: string): Promise<CertificateAuthority> {
  const pair = readKeyPair(privateKeyPem);
  const { keys, algorithm } = await importKeyPair(pair);
  const own = new X509Certificate(decodeFirstPem(certificatePem, "CERTIFICATE"));
  const ownSpki = Buffer.from(own.publicKey.rawData);
  if (!ownSpki.equals(decodeFirstPem(pair.publicKeyPem, "PUBLIC KEY"))) {
    throw new OrlopError("Invalid", "Cannot use the certificate authority: its key does not belong to its certificate");
  }
  return {
    certificatePem,
    notAfter: own.notAfter.getTime(),
    async issue(publicKeyPem, template) {
      const publicKey = new PublicKey(decodeFirstPem(publicKeyPem, "PUBLIC KEY"));
      const names = generalNames(template);
      const { flags, extended } = keyUsages(template.usages);
      const extensions: Extension[] = [
        // An extension without any bit makes OpenSSL refuse the whole certificate.
        ...(flags === 0 ? [] : [new KeyUsagesExtension(flags, true)]),
        ...(extended.length === 0 ? [] : [new ExtendedKeyUsageExtension([...extended])]),
        new BasicConstraintsExtension(false, undefined, true),
        await AuthorityKeyIdentifierExtension.create(own.publicKey),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
      ];
      try {
        const certificate = await X509CertificateGenerator.create({
          serialNumber: serialNumber(),
          subject: template.subject instanceof Name ? template.subject : subjectName(template.subject),
          issuer: own.subjectName,
          notBefore: new Date(template.notBefore),
          notAfter: new Date(Math.min(template.notAfter, own.notAfter.getTime())),
          publicKey,
          signingKey: keys.privateKey,
          signingAlgorithm: algorithm.signature,
          extensions,
        });
        return encodePem(new Uint8Array(certificate.rawData), "CERTIFICATE");
      } catch (reason) {
        throw new OrlopError(
          "Invalid",
          `Cannot issue a certificate for "${shown(template.subject)}": ${messageOf(reason)}`,
          { cause: reason },
        );
      }
    },
  };
}
