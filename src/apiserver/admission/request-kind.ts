import { forbidden } from "../../api/status-error.ts";
import type { StatusError } from "../../api/status-error.ts";
import type { AdmissionRequest } from "../extension.ts";
import { qualifiedName } from "../resources/kind-policies.ts";

/** Whether a request is about the main resource of a kind, e.g. "pods", and one of these operations. */
export function isFor(
  request: AdmissionRequest,
  kind: string,
  ...operations: readonly AdmissionRequest["operation"][]
): boolean {
  return request.subresource === "" && qualifiedName(request.kind) === kind && operations.includes(request.operation);
}

/** The refusal of an admission plugin. */
export function refused({ kind, name, object }: AdmissionRequest, why: string): StatusError {
  return forbidden(kind, name === "" ? (object?.metadata?.generateName ?? "Unknown") : name, why);
}
