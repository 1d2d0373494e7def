import type { Result } from "../lib/result.ts";

/** What a certificate says, parsed; nothing here is proof of anything until the chain was verified. */
export interface CertificateFacts {
  /** "" when the subject has no common name. The last one wins when there are several, as upstream reads it. */
  readonly commonName: string;
  /** Groups of a client certificate, in order. */
  readonly organizations: readonly string[];
  /** Values of subject attribute 1.3.6.1.4.1.57683.2 (user UID); undefined stands for one that is no UTF-8 string. */
  readonly uids: readonly (string | undefined)[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly emails: readonly string[];
  /** OIDs; empty means that the certificate may be used for anything. */
  readonly extendedKeyUsages: readonly string[];
  readonly isAuthority: boolean;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Lower-case hex. */
  readonly serialNumber: string;
  /** SHA-256 of the DER, lower-case hex. */
  readonly sha256: string;
}

/** Says whether a chain, as a peer sent it (leaf first), leads to a trusted authority for client authentication. */
export interface ClientCertificateVerifier {
  /** `now` in milliseconds since the epoch. The reason is for logs, never for the client. */
  verify(certificates: readonly Uint8Array[], now: number): Result<CertificateFacts>;
}
