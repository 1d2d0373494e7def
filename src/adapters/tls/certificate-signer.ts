import { OrlopError } from "../../lib/orlop-error.ts";
import type { CertificateSigner } from "../../ports/certificate-signer.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CertificateAuthority } from "./certificate-authority.ts";
import { parseCertificateRequest } from "./certificate-request.ts";

const MINUTE = 60 * 1000;
const BACKDATE = 5 * MINUTE;
const SHORTEST = 10 * MINUTE;
/** Certificates living shorter than this get their whole lifetime after now; for longer ones five minutes do not matter. */
const SHORT_LIVED = 8 * 60 * MINUTE;

export interface CertificateSignerOptions {
  /** Longest lifetime given, in milliseconds. @default one year */
  readonly maxLifetimeMs?: number;
}

/** Signs certificate requests with one authority, with the lifetimes of upstream's signing controller. */
export function createCertificateSigner(
  deps: { readonly authority: CertificateAuthority; readonly clock: Pick<Clock, "now"> },
  options: CertificateSignerOptions = {},
): CertificateSigner {
  const longest = options.maxLifetimeMs ?? 365 * 24 * 60 * MINUTE;
  return {
    async inspect(csrPem) {
      const request = await parseCertificateRequest(csrPem);
      const { commonName, organizations, dnsNames, ipAddresses, uris } = request;
      return { commonName, organizations, dnsNames, ipAddresses, emailAddresses: request.emails, uris };
    },

    async sign(order, signal) {
      const request = await parseCertificateRequest(order.csrPem);
      signal.throwIfAborted();
      const now = deps.clock.now();
      const lifetime =
        order.expirationSeconds === undefined
          ? longest
          : Math.min(Math.max(order.expirationSeconds * 1000, SHORTEST), longest);
      if (now >= deps.authority.notAfter) {
        throw new OrlopError("Invalid", "Cannot sign the certificate request: the certificate authority has expired");
      }
      return await deps.authority.issue(request.publicKeyPem, {
        subject: request.subject,
        dnsNames: request.dnsNames,
        ipAddresses: request.ipAddresses,
        uris: request.uris,
        emails: request.emails,
        usages: order.usages,
        notBefore: now - BACKDATE,
        notAfter: now + (lifetime < SHORT_LIVED ? lifetime : lifetime - BACKDATE),
      });
    },
  };
}
