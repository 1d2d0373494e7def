import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { HttpRequest, Peer, Upgrade } from "../../ports/http.ts";
import type { LazySignal } from "./exchange.ts";
import type { RequestTarget } from "./request-target.ts";

const NO_BODY: AsyncIterable<Uint8Array> = {
  async *[Symbol.asyncIterator]() {
    // Bytes after the headers of an upgrade belong to the other protocol.
  },
};

function joinedHeaders(message: IncomingMessage): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {};
  const { rawHeaders } = message;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? "").toLowerCase();
    const value = rawHeaders[index + 1] ?? "";
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`;
  }
  return headers;
}

/** Content-Length as a number; the parser has refused anything else. */
export function declaredLength(headers: IncomingHttpHeaders): number | undefined {
  const text = headers["content-length"];
  return text === undefined ? undefined : Number(text);
}

export interface RequestParts {
  readonly target: RequestTarget;
  readonly peer: Peer;
  readonly signal: LazySignal;
  readonly readBody: (limitBytes: number) => Promise<Uint8Array>;
  readonly upgrade?: Upgrade;
}

/** A message of node:http as handlers see it. */
export function http1Request(message: IncomingMessage, parts: RequestParts): HttpRequest {
  const { target, peer, signal, upgrade } = parts;
  let query: URLSearchParams | undefined;
  let taken = false;
  return {
    method: message.method ?? "",
    target: target.origin,
    path: target.path,
    get query() {
      query ??= new URLSearchParams(target.rawQuery);
      return query;
    },
    headers: joinedHeaders(message),
    httpVersion: message.httpVersion === "1.0" ? "1.0" : "1.1",
    peer,
    get signal() {
      return signal.signal;
    },
    body(limitBytes) {
      if (taken) return Promise.reject(new TypeError("the body may be read once"));
      taken = true;
      return parts.readBody(limitBytes);
    },
    bodyStream() {
      if (taken) throw new TypeError("the body may be read once");
      taken = true;
      return upgrade === undefined ? message.iterator({ destroyOnReturn: false }) : NO_BODY;
    },
    ...(upgrade !== undefined && { upgrade }),
  };
}
