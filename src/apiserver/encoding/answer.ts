import { stringify } from "yaml";
import { internalError, StatusError } from "../../api/status-error.ts";
import type { Status } from "../../api/types.ts";
import type { HttpResponse } from "../../ports/http.ts";
import type { OutputFormat } from "./negotiation.ts";

/** An answer whose body is complete (not a stream, not an upgrade). */
export type CompleteAnswer = Extract<HttpResponse, { readonly headers: unknown }>;

const JSON_FORMAT: OutputFormat = { encoding: "json", pretty: false };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A value as JSON or YAML. */
export function answer(status: number, value: unknown, format: OutputFormat = JSON_FORMAT): CompleteAnswer {
  return encodedAnswer(status, JSON.stringify(value), format);
}

/** The same for a value that is JSON already. */
export function encodedAnswer(status: number, json: Uint8Array | string, format: OutputFormat): CompleteAnswer {
  if (format.encoding === "json" && !format.pretty) {
    return { status, headers: { "Content-Type": "application/json" }, body: json };
  }
  const value: unknown = JSON.parse(typeof json === "string" ? json : decoder.decode(json));
  return format.encoding === "yaml"
    ? { status, headers: { "Content-Type": "application/yaml" }, body: stringify(value) }
    : { status, headers: { "Content-Type": "application/json" }, body: `${JSON.stringify(value, undefined, 2)}\n` };
}

export function textAnswer(status: number, text: string): CompleteAnswer {
  return {
    status,
    headers: { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" },
    body: text,
  };
}

/** The answer to a failure: its Status, or 500 for what is no StatusError. */
export function failureAnswer(reason: unknown, format?: OutputFormat): CompleteAnswer {
  const error = reason instanceof StatusError ? reason : internalError(reason);
  const { headers, ...rest } = answer(error.code, error.status, format);
  return { ...rest, headers: { ...headers, ...error.headers } };
}

export function success(details: Status["details"]): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    ...(details !== undefined && { details }),
  };
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}
