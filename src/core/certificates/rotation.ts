/** What is known of a certificate that is in use. Times in milliseconds since the epoch. */
export interface HeldCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface WantedCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Names the certificate must carry; it may carry more. */
  readonly names: readonly string[];
}

export type RotationDecision =
  | { readonly rotate: true; readonly reason: "missing" | "expired" | "due" | "subject-changed" | "names-changed" }
  /** Keep it, and look again at that time. */
  | { readonly rotate: false; readonly at: number };

const EARLIEST = 0.7;
const SPREAD = 0.2;

/**
 * When a certificate is renewed: after 70 to 90 percent of its life, at a point that differs from certificate to
 * certificate, so that a thousand nodes set up together do not ask together.
 *
 * @param fraction uniform in [0, 1), drawn once for each certificate
 */
export function rotationTime({ notBefore, notAfter }: HeldCertificate, fraction: number): number {
  return notBefore + (notAfter - notBefore) * (EARLIEST + SPREAD * fraction);
}

/** Whether a new certificate is to be asked for now. */
export function decideRotation(
  held: HeldCertificate | undefined,
  wanted: WantedCertificate,
  now: number,
  fraction: number,
): RotationDecision {
  if (held === undefined) return { rotate: true, reason: "missing" };
  if (now >= held.notAfter) return { rotate: true, reason: "expired" };
  if (held.commonName !== wanted.commonName || !hasAll(held.organizations, wanted.organizations)) {
    return { rotate: true, reason: "subject-changed" };
  }
  if (!hasAll(held.names, wanted.names)) return { rotate: true, reason: "names-changed" };
  const at = rotationTime(held, fraction);
  return now >= at ? { rotate: true, reason: "due" } : { rotate: false, at };
}

function hasAll(held: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((name) => held.includes(name));
}
