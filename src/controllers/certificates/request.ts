import type { CertificateSigningRequest } from "../../api/types.ts";

type Condition = NonNullable<NonNullable<CertificateSigningRequest["status"]>["conditions"]>[number];

/** PEM of the request inside the object. */
export function requestPem(csr: CertificateSigningRequest): string {
  return atob(csr.spec.request);
}

export function hasTrueCondition(csr: CertificateSigningRequest, type: "Approved" | "Denied" | "Failed"): boolean {
  return (csr.status?.conditions ?? []).some((condition) => condition.type === type && condition.status === "True");
}

export function isIssued(csr: CertificateSigningRequest): boolean {
  return (csr.status?.certificate ?? "") !== "";
}

/** The object with one more condition. */
export function withCondition(csr: CertificateSigningRequest, condition: Condition): CertificateSigningRequest {
  return { ...csr, status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] } };
}
