/** Who a certificate is to be for. */
export interface CertificateSubject {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** A new key with a request for a certificate over it. */
export interface PendingCertificate {
  /** PKCS#8, PEM. Secret. */
  readonly privateKeyPem: string;
  /** PKCS#10, PEM. */
  readonly requestPem: string;
}

/** A certificate with its key, as text. */
export interface CertificateWithKey {
  /** PEM, leaf first. */
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface ParsedCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Makes keys and requests, and reads what comes back. */
export interface CertificateKeys {
  request(subject: CertificateSubject): Promise<PendingCertificate>;
  /** The leaf's facts. Throws OrlopError Invalid when it is no certificate or does not belong to the key. */
  read(certificate: CertificateWithKey): ParsedCertificate;
}

/** Where a certificate with its key survives a restart. */
export interface CertificateStore {
  /** undefined when there is none. Throws when it can not tell. */
  load(): Promise<CertificateWithKey | undefined>;
  /** Durable when resolved; readable by its owner only. */
  save(certificate: CertificateWithKey): Promise<void>;
}
