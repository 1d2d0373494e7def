import type { CertificateSigningRequest } from "../../api/types.ts";

const HOUR = 3_600_000;
const DECIDED_MS = HOUR;
const PENDING_MS = 24 * HOUR;

/**
 * When a certificate request may be deleted, milliseconds since the epoch: an hour after it was denied, failed, or
 * approved and issued; a day after it was made when nobody decided.
 */
export function certificateRequestEnd(csr: CertificateSigningRequest): number {
  const isIssued = (csr.status?.certificate ?? "") !== "";
  const decided = (csr.status?.conditions ?? []).find(
    ({ type, status }) =>
      status === "True" && (type === "Denied" || type === "Failed" || (type === "Approved" && isIssued)),
  );
  const since = Date.parse(decided?.lastUpdateTime ?? "");
  return Number.isNaN(since) ? Date.parse(csr.metadata?.creationTimestamp ?? "") + PENDING_MS : since + DECIDED_MS;
}
