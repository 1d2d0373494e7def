import { failed, ok, type Result } from "../../lib/result.ts";

export interface RequestTarget {
  /** As sent, in origin form: whoever looks at the raw target sees the same path as whoever looks at the decoded one. */
  readonly origin: string;
  /** Decoded exactly once. */
  readonly path: string;
  /** As sent, without the query. */
  readonly rawPath: string;
  /** Without the question mark; "" for none. */
  readonly rawQuery: string;
}

const ABSOLUTE_FORM = /^https?:\/\/[^/?]*/i;

/**
 * Splits a request target and decodes its path once. Never normalises: `//`, `/./` and `%2F` stay what they are, so
 * that routing and authorization see what was asked for. The absolute form loses its authority; `*` stays `*`.
 */
export function parseRequestTarget(target: string): Result<RequestTarget> {
  const relative = target.startsWith("/") ? target : target.replace(ABSOLUTE_FORM, "");
  const isBare = relative !== target && (relative === "" || relative.startsWith("?"));
  const origin = isBare ? `/${relative}` : relative;
  const question = origin.indexOf("?");
  const rawPath = question < 0 ? origin : origin.slice(0, question);
  const rawQuery = question < 0 ? "" : origin.slice(question + 1);
  if (rawPath === "*") return ok({ origin, path: rawPath, rawPath, rawQuery });
  if (!rawPath.startsWith("/")) return failed("the request target must start with a slash");
  if (!rawPath.includes("%")) return ok({ origin, path: rawPath, rawPath, rawQuery });
  try {
    return ok({ origin, path: decodeURIComponent(rawPath), rawPath, rawQuery });
  } catch {
    return failed("the path holds a malformed percent-encoding");
  }
}
