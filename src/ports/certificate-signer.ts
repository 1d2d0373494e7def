/** What a PKCS#10 certificate request asks for. */
export interface CertificateRequestContents {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  /** Canonical text form (IPv6 compressed). */
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
}

export interface SigningOrder {
  /** One PEM block "CERTIFICATE REQUEST". */
  readonly csrPem: string;
  /** Kubernetes key usages, e.g. "digital signature", "client auth"; they replace what the request says. */
  readonly usages: readonly string[];
  /** Wanted lifetime; the signer caps it by its own maximum and by the end of the CA. Absent: the signer's maximum. */
  readonly expirationSeconds?: number;
}

/** A certificate authority as the CSR controllers use it; the key stays behind it. */
export interface CertificateSigner {
  /** Throws OrlopError Invalid when it is no well-formed request or its own signature does not verify. */
  inspect(csrPem: string): Promise<CertificateRequestContents>;
  /**
   * Signs subject and subject alternative names as requested, never as a CA, valid from a few minutes ago (for clocks
   * that differ). The caller has decided that it may be signed. @returns PEM, leaf first
   */
  sign(order: SigningOrder, signal: AbortSignal): Promise<string>;
}
