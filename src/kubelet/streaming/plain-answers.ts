import { OrlopError } from "../../lib/orlop-error.ts";
import type { HttpResponse } from "../../ports/http.ts";

/** What the kubelet answers in plain text; no newline is added. */
export function plainAnswer(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers }, body };
}

/** A failure in plain text that no browser should take for something else; a newline is not added. */
export function errorAnswer(status: number, body: string): HttpResponse {
  return plainAnswer(status, body, { "x-content-type-options": "nosniff" });
}

/** Failures of the runtime with upstream's statuses: what it does not know is 404, what it has too many of is 429. */
export function runtimeFailureAnswer(reason: unknown): HttpResponse {
  const text = reason instanceof Error ? reason.message : String(reason);
  if (reason instanceof OrlopError && reason.code === "NotFound") return plainAnswer(404, text);
  if (reason instanceof OrlopError && reason.code === "ResourceExhausted") {
    return plainAnswer(429, text, { "retry-after": "60" });
  }
  return plainAnswer(500, text);
}

export const UPGRADE_REQUIRED = "Upgrade request required\n";
