import type { Namespace } from "../api/types.ts";
import { hasReason } from "../machinery/answer-error.ts";

/** Whether things may still be made in it. */
export function isActive(namespace: Namespace | undefined): boolean {
  return (
    namespace !== undefined &&
    namespace.status?.phase !== "Terminating" &&
    namespace.metadata?.deletionTimestamp === undefined
  );
}

/** The namespace is gone or about to go: what could not be made in it is not missed. */
export function isNamespaceGoing(reason: unknown): boolean {
  return (
    hasReason(reason, "NotFound") ||
    (hasReason(reason, "Forbidden") &&
      (reason.status.details?.causes ?? []).some((cause) => cause.reason === "NamespaceTerminating"))
  );
}
