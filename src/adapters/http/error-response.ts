import { StatusError } from "../../api/status-error.ts";
import { type ErrorCode, OrlopError } from "../../lib/orlop-error.ts";
import type { HttpResponse } from "../../ports/http.ts";

export type PlainResponse = Extract<HttpResponse, { headers: unknown }>;

const STATUS: Readonly<Partial<Record<ErrorCode, readonly [number, string]>>> = {
  Invalid: [400, "Bad Request"],
  ResourceExhausted: [413, "Request Entity Too Large"],
  Timeout: [408, "Request Timeout"],
  Unavailable: [503, "Service Unavailable"],
};

export function textResponse(status: number, text: string): PlainResponse {
  return {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
    body: `${text}\n`,
  };
}

/** The answer when a handler threw. Tells nothing of failures that are not the client's. */
export function errorResponse(reason: unknown): PlainResponse {
  if (reason instanceof StatusError) {
    return {
      status: reason.code,
      headers: { "content-type": "application/json", ...reason.headers },
      body: `${JSON.stringify(reason.status)}\n`,
    };
  }
  if (reason instanceof OrlopError) {
    const known = STATUS[reason.code];
    if (known !== undefined) return textResponse(known[0], `${known[0]} ${known[1]}: ${reason.message}`);
  }
  return textResponse(500, "500 Internal Server Error");
}
