import { BEARER_PROTOCOL_PREFIX } from "./protocol-names.ts";

type SingleHeaders = Readonly<Record<string, string | undefined>>;
type MultiHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Valid for one connection only (RFC 9110, section 7.6.1). */
const PER_CONNECTION = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What the caller proved its identity with. It was for us and goes no further. */
const CREDENTIALS = new Set(["authorization"]);

function namedByConnection(headers: SingleHeaders): ReadonlySet<string> {
  return new Set((headers["connection"] ?? "").split(",").map((name) => name.trim().toLowerCase()));
}

function withoutTokens(protocols: string): string {
  const entries = protocols.split(",").map((entry) => entry.trim());
  return entries.filter((entry) => !entry.startsWith(BEARER_PROTOCOL_PREFIX)).join(", ");
}

/**
 * Headers of a request as they are passed on: without credentials and without what belongs to the client's connection
 * (its length too: the body is sent anew), with the client's address appended to X-Forwarded-For.
 */
export function forwardedRequestHeaders(
  headers: SingleHeaders,
  options: { readonly peerAddress: string; readonly upgrade: boolean; readonly keepHost: boolean },
): Record<string, string> {
  const named = namedByConnection(headers);
  const forwarded: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || CREDENTIALS.has(name) || name === "content-length") continue;
    if (name === "host" && !options.keepHost) continue;
    if (PER_CONNECTION.has(name) || named.has(name)) continue;
    if (name === "sec-websocket-protocol") {
      const left = withoutTokens(value);
      if (left !== "") forwarded[name] = left;
    } else forwarded[name] = value;
  }
  if (options.upgrade && headers["upgrade"] !== undefined) {
    forwarded["upgrade"] = headers["upgrade"];
    forwarded["connection"] = "Upgrade";
  }
  const before = headers["x-forwarded-for"];
  if (options.peerAddress !== "") {
    forwarded["x-forwarded-for"] = before === undefined ? options.peerAddress : `${before}, ${options.peerAddress}`;
  }
  return forwarded;
}

/** Headers of a response as they are passed back. */
export function forwardedResponseHeaders(headers: MultiHeaders): Record<string, string | readonly string[]> {
  const forwarded: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !PER_CONNECTION.has(name)) forwarded[name] = value;
  }
  return forwarded;
}
