import { humanDuration } from "../../../lib/human-duration.ts";
import { pathSegmentProblems } from "../../names.ts";
import type { CertificateSigningRequest } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import type { KindTable } from "../definition.ts";
import { AGE, NAME, ageOf, column } from "../table.ts";
import { validateRequest, validateRequestUpdate } from "./validate-request.ts";

function stateOf(request: CertificateSigningRequest): string {
  const types = new Set((request.status?.conditions ?? []).map((condition) => condition.type));
  const decision = types.has("Denied") ? "Denied" : types.has("Approved") ? "Approved" : "Pending";
  const issued = (request.status?.certificate ?? "") !== "";
  return `${decision}${types.has("Failed") ? ",Failed" : ""}${issued ? ",Issued" : ""}`;
}

const requestTable: KindTable = {
  columns: [NAME, AGE, column("SignerName"), column("Requestor"), column("RequestedDuration"), column("Condition")],
  cells: (object, now) => {
    const request = object as unknown as CertificateSigningRequest;
    const seconds = request.spec.expirationSeconds;
    return [
      request.metadata?.name ?? "",
      ageOf(object, now),
      request.spec.signerName || "<none>",
      request.spec.username ?? "",
      seconds === undefined ? "<none>" : humanDuration(seconds * 1000),
      stateOf(request),
    ];
  },
};

export const certificateSigningRequestKind = defineKind({
  group: "certificates.k8s.io",
  version: "v1",
  kind: "CertificateSigningRequest",
  resource: "certificatesigningrequests",
  namespaced: false,
  shortNames: ["csr"],
  hasStatus: true,
  validateName: pathSegmentProblems,
  selectableFields: (object) => ({
    ...metadataFields(object, false),
    "spec.signerName": (object as unknown as CertificateSigningRequest).spec.signerName,
  }),
  // Who asked for what is fixed at creation.
  prepareForUpdate: (object, old) => ({ ...object, spec: old["spec"] }),
  validateCreate: validateRequest,
  validateUpdate: (object, old) =>
    validateRequestUpdate(object, old, { maySetDecision: false, maySetCertificate: false }),
  // Approval and status are told apart by what the server lets each of them write.
  validateStatusUpdate: (object, old) =>
    validateRequestUpdate(object, old, { maySetDecision: true, maySetCertificate: true }),
  table: requestTable,
});
