import type { HttpRequest } from "../ports/http.ts";

/** A GET over TLS without a client certificate and without a body; `change` says what is different. */
export function plainRequest(
  target: string,
  headers: HttpRequest["headers"] = {},
  change: Partial<HttpRequest> = {},
): HttpRequest {
  const [path = ""] = target.split("?");
  return {
    method: "GET",
    target,
    path: decodeURIComponent(path),
    query: new URLSearchParams(target.slice(path.length + 1)),
    headers,
    httpVersion: "1.1",
    peer: { address: "10.0.0.9", port: 4000, certificates: [], encrypted: true },
    signal: new AbortController().signal,
    body: async () => new Uint8Array(),
    ...change,
  };
}
