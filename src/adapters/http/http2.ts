import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { messageOf } from "../../lib/orlop-error.ts";
import type { HttpRequest, Peer } from "../../ports/http.ts";
import { type PlainResponse, textResponse } from "./error-response.ts";
import {
  answerOf,
  asBuffer,
  CLIENT_GONE,
  createLazySignal,
  type ExchangeDeps,
  PIECE_BYTES,
  SERVER_STOPPING,
} from "./exchange.ts";
import { nextEvent } from "./next-event.ts";
import { readBody } from "./request-body.ts";
import { parseRequestTarget } from "./request-target.ts";

/** Headers that HTTP/2 forbids. */
const PER_CONNECTION = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

function plainHeaders(headers: IncomingHttpHeaders): Record<string, string | undefined> {
  const plain: Record<string, string | undefined> = {};
  for (const name in headers) {
    if (name.startsWith(":")) continue;
    const value = headers[name];
    plain[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  const authority = headers[":authority"];
  if (plain["host"] === undefined && typeof authority === "string") plain["host"] = authority;
  return plain;
}

async function drained(stream: ServerHttp2Stream): Promise<void> {
  if (stream.destroyed || stream.aborted) throw CLIENT_GONE;
  if (!stream.writableNeedDrain) return;
  await nextEvent(stream, ["drain", "close"]);
  if (stream.destroyed || stream.aborted) throw CLIENT_GONE;
}

async function writeResponse(stream: ServerHttp2Stream, method: string, answer: PlainResponse): Promise<void> {
  const { status, headers, body } = answer;
  const silent = method === "HEAD" || status === 204 || status === 304;
  const sent: OutgoingHttpHeaders = { ":status": status };
  for (const name in headers) {
    const value = headers[name];
    const lower = name.toLowerCase();
    if (value !== undefined && !PER_CONNECTION.has(lower)) sent[lower] = typeof value === "string" ? value : [...value];
  }
  if (typeof body === "function") {
    stream.respond(sent, { endStream: silent });
    if (silent) return;
    await body({
      async write(chunk) {
        if (stream.destroyed || stream.aborted) throw CLIENT_GONE;
        if (chunk.length === 0 || stream.write(chunk)) return;
        await drained(stream);
      },
    });
    stream.end();
    return;
  }
  const bytes = asBuffer(body ?? "");
  if (sent["content-length"] === undefined && status !== 204 && status !== 304) {
    sent["content-length"] = bytes.byteLength;
  }
  if (silent || bytes.byteLength === 0) {
    stream.respond(sent, { endStream: true });
    return;
  }
  stream.respond(sent);
  for (let offset = 0; offset + PIECE_BYTES < bytes.byteLength; offset += PIECE_BYTES) {
    stream.write(bytes.subarray(offset, offset + PIECE_BYTES));
    await drained(stream);
  }
  const last = bytes.byteLength % PIECE_BYTES || PIECE_BYTES;
  stream.end(bytes.subarray(bytes.byteLength - last));
}

/** Serves HTTP/2 streams, without the compatibility layer: it costs a quarter of the throughput. */
export function createHttp2Exchange(
  deps: ExchangeDeps,
): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, peer: Peer) => void {
  const { log, inFlight } = deps;

  async function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, peer: Peer): Promise<void> {
    const method = headers[":method"];
    const path = headers[":path"];
    const target = typeof path === "string" ? parseRequestTarget(path) : undefined;
    if (typeof method !== "string" || target === undefined || !target.ok) {
      const why = target?.ok === false ? target.reason : "the request has no path";
      await writeResponse(stream, "GET", textResponse(400, `400 Bad Request: ${why}`));
      return;
    }
    const signal = createLazySignal();
    const stop = (): void => signal.abort(SERVER_STOPPING);
    const { origin, rawQuery, path: decoded } = target.value;
    let query: URLSearchParams | undefined;
    let taken = false;
    stream.once("close", () => {
      if (!stream.writableFinished) signal.abort(CLIENT_GONE);
    });
    stream.once("aborted", () => signal.abort(CLIENT_GONE));
    inFlight.add(stop);
    try {
      const request: HttpRequest = {
        method,
        target: origin,
        path: decoded,
        get query() {
          query ??= new URLSearchParams(rawQuery);
          return query;
        },
        headers: plainHeaders(headers),
        httpVersion: "2.0",
        peer,
        get signal() {
          return signal.signal;
        },
        body(limitBytes) {
          if (taken) return Promise.reject(new TypeError("the body may be read once"));
          taken = true;
          const length = headers["content-length"];
          return readBody(stream, {
            limitBytes,
            timeoutMilliseconds: deps.bodyTimeoutMilliseconds,
            declaredBytes: length === undefined ? undefined : Number(length),
          });
        },
        bodyStream() {
          if (taken) throw new TypeError("the body may be read once");
          taken = true;
          return stream.iterator({ destroyOnReturn: false });
        },
      };
      const answer = await answerOf(deps, request);
      if (stream.destroyed) return;
      if ("upgraded" in answer) throw new TypeError("a handler upgraded an HTTP/2 request");
      await writeResponse(stream, method, answer);
      // What is left of the request body is not wanted; the reset says so without harming the response.
      if (!stream.readableEnded && !stream.destroyed) {
        if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
        else stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
        stream.resume();
      }
    } finally {
      inFlight.remove(stop);
    }
  }

  return (stream, headers, peer) => {
    stream.on("error", () => undefined);
    serve(stream, headers, peer).catch((reason: unknown) => {
      if (reason !== CLIENT_GONE && reason !== SERVER_STOPPING && !stream.destroyed) {
        log.warn("A response broke off", {
          method: headers[":method"],
          target: headers[":path"],
          error: messageOf(reason),
        });
      }
      if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
  };
}
