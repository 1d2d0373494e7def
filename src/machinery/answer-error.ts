import { StatusError } from "../api/status-error.ts";
import type { Status } from "../api/types.ts";
import type { ClusterResponse } from "../ports/cluster-transport.ts";

const REASONS: ReadonlyMap<number, string> = new Map([
  [400, "BadRequest"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "NotFound"],
  [405, "MethodNotAllowed"],
  [406, "NotAcceptable"],
  [409, "Conflict"],
  [410, "Gone"],
  [413, "RequestEntityTooLarge"],
  [415, "UnsupportedMediaType"],
  [422, "Invalid"],
  [429, "TooManyRequests"],
  [500, "InternalError"],
  [503, "ServiceUnavailable"],
  [504, "Timeout"],
]);

/** The error an HTTP answer of 400 and above stands for; a proxy's answer without a Status gets one. */
export function errorOfAnswer(method: string, path: string, response: ClusterResponse, body: Uint8Array): StatusError {
  const retryAfter = response.headers["retry-after"];
  const headers = retryAfter === undefined ? {} : { "Retry-After": retryAfter };
  const text = new TextDecoder().decode(body);
  return new StatusError(statusIn(text) ?? statusFor(method, path, response.status, text), { headers });
}

/** The error an ERROR event of a watch stands for. */
export function errorOfStatus(object: unknown): StatusError {
  return new StatusError(
    isStatus(object)
      ? object
      : { status: "Failure", code: 500, reason: "InternalError", message: "the watch ended with an unknown error" },
  );
}

/** Whether it is a StatusError with one of these reasons, e.g. "NotFound". */
export function hasReason(error: unknown, ...reasons: readonly string[]): error is StatusError {
  return error instanceof StatusError && reasons.includes(error.reason);
}

function statusIn(text: string): Status | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isStatus(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isStatus(value: unknown): value is Status {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "Status";
}

function statusFor(method: string, path: string, code: number, text: string): Status {
  const shown = text.trim().slice(0, 200);
  return {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    code,
    reason: REASONS.get(code) ?? "Unknown",
    message: `${method} ${path.split("?")[0] ?? path} was answered with status ${code}${shown === "" ? "" : `: ${shown}`}`,
  };
}
