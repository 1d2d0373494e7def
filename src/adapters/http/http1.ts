import { type IncomingHttpHeaders, type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { ByteConnection } from "../../ports/bytes.ts";
import type { HttpRequest, HttpResponse, Upgrade } from "../../ports/http.ts";
import { duplexConnection } from "./duplex-connection.ts";
import { errorResponse, type PlainResponse, textResponse } from "./error-response.ts";
import { asBuffer, createLazySignal, type ExchangeDeps, PIECE_BYTES } from "./exchange.ts";
import { nextEvent } from "./next-event.ts";
import { readBody } from "./request-body.ts";
import { parseRequestTarget, type RequestTarget } from "./request-target.ts";
import { acceptWebSocket } from "./websocket.ts";

/** Of a body nobody wants, at most this much is read away, for at most this long. */
const UNREAD_BODY_BYTES = 16 * 1024 * 1024;
const LINGER_MILLISECONDS = 1000;

const CLIENT_GONE = new OrlopError("Cancelled", "The client closed the connection");
const SERVER_STOPPING = new OrlopError("Cancelled", "The server is stopping");

const NO_BODY: AsyncIterable<Uint8Array> = {
  async *[Symbol.asyncIterator]() {
    // Bytes after the headers of an upgrade belong to the other protocol.
  },
};

export interface Http1Exchange {
  onRequest(message: IncomingMessage, response: ServerResponse): void;
  onUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void;
}

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

function declaredLength(headers: IncomingHttpHeaders): number | undefined {
  const text = headers["content-length"];
  return text === undefined ? undefined : Number(text);
}

function gone(response: ServerResponse): boolean {
  return response.destroyed || response.socket === null || response.socket.destroyed;
}

/** Resolves when the response may take more; rejects when its client is gone. */
async function drained(response: ServerResponse): Promise<void> {
  if (gone(response)) throw CLIENT_GONE;
  if (!response.writableNeedDrain) return;
  await nextEvent(response, ["drain", "close"]);
  if (gone(response)) throw CLIENT_GONE;
}

async function writePieces(response: ServerResponse, body: Buffer): Promise<void> {
  for (let offset = 0; offset < body.byteLength; offset += PIECE_BYTES) {
    response.write(body.subarray(offset, offset + PIECE_BYTES));
    await drained(response);
  }
  response.end();
}

async function writeResponse(message: IncomingMessage, response: ServerResponse, answer: PlainResponse): Promise<void> {
  const { status, headers, body } = answer;
  const silent = message.method === "HEAD" || status === 204 || status === 304;
  response.statusCode = status;
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
  if (typeof body === "function") {
    if (silent) {
      response.end();
      return;
    }
    response.flushHeaders();
    await body({
      async write(chunk) {
        if (gone(response)) throw CLIENT_GONE;
        if (chunk.length === 0 || response.write(chunk)) return;
        await drained(response);
      },
    });
    response.end();
    return;
  }
  const bytes = asBuffer(body ?? "");
  if (!response.hasHeader("content-length") && status !== 204 && status !== 304) {
    response.setHeader("content-length", bytes.byteLength);
  }
  if (silent) response.end();
  else if (bytes.byteLength <= PIECE_BYTES) response.end(bytes);
  else await writePieces(response, bytes);
}

/**
 * Makes an unread body harmless: the connection will close, but reads on for a moment first. Closing at once would
 * reset it, and a client that is still sending would lose the answer.
 */
function discardBody(message: IncomingMessage, response: ServerResponse): void {
  if (message.complete) return;
  const { socket } = message;
  let left = UNREAD_BODY_BYTES;
  response.setHeader("connection", "close");
  message.on("data", (chunk: Buffer) => {
    left -= chunk.byteLength;
    if (left < 0) socket.destroy();
  });
  socket.destroySoon = () => {
    const timer = setTimeout(() => socket.destroy(), LINGER_MILLISECONDS);
    socket.once("close", () => clearTimeout(timer));
    message.once("end", () => socket.destroy());
    socket.end();
  };
}

/** Serves HTTP/1.0 and 1.1. */
export function createHttp1Exchange(deps: ExchangeDeps): Http1Exchange {
  const { log, inFlight } = deps;

  function requestOf(
    message: IncomingMessage,
    target: RequestTarget,
    signal: { readonly signal: AbortSignal },
    body: (limitBytes: number) => Promise<Uint8Array>,
    upgrade?: Upgrade,
  ): HttpRequest {
    const headers = joinedHeaders(message);
    let query: URLSearchParams | undefined;
    let taken = false;
    return {
      method: message.method ?? "",
      target: message.url ?? "",
      path: target.path,
      get query() {
        query ??= new URLSearchParams(target.rawQuery);
        return query;
      },
      headers,
      httpVersion: message.httpVersion === "1.0" ? "1.0" : "1.1",
      peer: deps.peerOf(message.socket),
      get signal() {
        return signal.signal;
      },
      body(limitBytes) {
        if (taken) return Promise.reject(new TypeError("the body may be read once"));
        taken = true;
        return body(limitBytes);
      },
      bodyStream() {
        if (taken) throw new TypeError("the body may be read once");
        taken = true;
        return upgrade === undefined ? message.iterator({ destroyOnReturn: false }) : NO_BODY;
      },
      ...(upgrade !== undefined && { upgrade }),
    };
  }

  async function answerOf(request: HttpRequest): Promise<HttpResponse> {
    try {
      return await deps.handler(request);
    } catch (reason) {
      const answer = errorResponse(reason);
      if (answer.status >= 500 && !request.signal.aborted) {
        log.error("A request handler failed", {
          method: request.method,
          path: request.path,
          error: messageOf(reason),
          ...(reason instanceof Error && { stack: reason.stack }),
        });
      }
      return answer;
    }
  }

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = parseRequestTarget(message.url ?? "");
    if (!target.ok) {
      discardBody(message, response);
      await writeResponse(message, response, textResponse(400, `400 Bad Request: ${target.reason}`));
      return;
    }
    const signal = createLazySignal();
    const stop = (): void => signal.abort(SERVER_STOPPING);
    response.once("close", () => {
      if (!response.writableFinished) signal.abort(CLIENT_GONE);
    });
    inFlight.add(stop);
    try {
      const request = requestOf(message, target.value, signal, (limitBytes) =>
        readBody(message, {
          limitBytes,
          timeoutMilliseconds: deps.bodyTimeoutMilliseconds,
          declaredBytes: declaredLength(message.headers),
        }),
      );
      const answer = await answerOf(request);
      if (gone(response)) return;
      if ("upgraded" in answer) throw new TypeError("a handler upgraded a request that is no upgrade");
      discardBody(message, response);
      await writeResponse(message, response, answer);
    } finally {
      inFlight.remove(stop);
    }
  }

  async function serveUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const response = new ServerResponse(message);
    response.shouldKeepAlive = false;
    const respond = async (answer: PlainResponse): Promise<void> => {
      if (socket.destroyed) return;
      // Safe: an upgraded connection of node:http is a net or TLS socket.
      response.assignSocket(socket as Socket);
      response.setHeader("connection", "close");
      response.once("finish", () => socket.end());
      socket.resume();
      await writeResponse(message, response, answer);
    };
    const target = parseRequestTarget(message.url ?? "");
    if (!target.ok) {
      await respond(textResponse(400, `400 Bad Request: ${target.reason}`));
      return;
    }
    const signal = createLazySignal();
    const stop = (): void => signal.abort(SERVER_STOPPING);
    socket.once("close", () => signal.abort(CLIENT_GONE));
    let state: "open" | "accepted" = "open";
    let rest: Buffer = head;
    let raw: ByteConnection | undefined;
    const accept = (): void => {
      if (state !== "open") throw new TypeError("an upgrade can be accepted once");
      state = "accepted";
    };
    const upgrade: Upgrade = {
      protocol: (message.headers.upgrade ?? "").toLowerCase(),
      acceptRaw(headers) {
        accept();
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
        raw = duplexConnection(socket, rest);
        return raw;
      },
      async acceptWebSocket(protocol, options) {
        if (state !== "open") throw new TypeError("an upgrade can be accepted once");
        const connection = await acceptWebSocket(message, socket, rest, {
          protocol,
          pingMilliseconds: deps.pingMilliseconds,
          ...(options?.maxMessageBytes !== undefined && { maxMessageBytes: options.maxMessageBytes }),
        });
        accept();
        return connection;
      },
    };
    const body = async (limitBytes: number): Promise<Uint8Array> => {
      const [bytes, remaining] = await bodyBeforeUpgrade(message, socket, rest, limitBytes, deps);
      rest = remaining;
      return bytes;
    };
    inFlight.add(stop);
    try {
      const answer = await answerOf(requestOf(message, target.value, signal, body, upgrade));
      if ("upgraded" in answer) {
        await answer.done.catch((reason: unknown) => {
          log.debug("An upgraded connection broke", { path: target.value.path, error: messageOf(reason) });
        });
        // Flushed and closed from both sides; a WebSocket has done its own farewell.
        await raw?.end();
        if (raw === undefined) socket.destroy();
        else raw.destroy();
      } else if ((state as "open" | "accepted") === "accepted") {
        log.error("A handler accepted an upgrade and then failed", { path: target.value.path, status: answer.status });
        socket.destroy();
      } else {
        await respond(answer);
      }
    } finally {
      inFlight.remove(stop);
    }
  }

  const failedAfterwards = (message: IncomingMessage, socket: Duplex, reason: unknown): void => {
    if (reason !== CLIENT_GONE && !socket.destroyed) {
      log.warn("A response broke off", { method: message.method, target: message.url, error: messageOf(reason) });
    }
    socket.destroy();
  };

  return {
    onRequest(message, response) {
      serve(message, response).catch((reason: unknown) => failedAfterwards(message, message.socket, reason));
    },
    onUpgrade(message, socket, head) {
      // Nobody else listens from here on, and an unheard error would end the process.
      socket.on("error", () => undefined);
      serveUpgrade(message, socket, head).catch((reason: unknown) => failedAfterwards(message, socket, reason));
    },
  };
}

/** An upgrade request may carry a body before the upgraded bytes; only a declared length can be told from them. */
async function bodyBeforeUpgrade(
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  limitBytes: number,
  deps: ExchangeDeps,
): Promise<readonly [Uint8Array, Buffer]> {
  if (message.headers["transfer-encoding"] !== undefined) {
    throw new OrlopError("Invalid", "An upgrade request can not have a chunked body");
  }
  const length = declaredLength(message.headers) ?? 0;
  if (length > limitBytes) {
    throw new OrlopError("ResourceExhausted", `The request body is larger than the limit of ${limitBytes} bytes`);
  }
  let bytes = head;
  const deadline = setTimeout(() => socket.destroy(), deps.bodyTimeoutMilliseconds);
  try {
    while (bytes.byteLength < length) {
      const chunk: Buffer | null = socket.read();
      if (chunk !== null) bytes = Buffer.concat([bytes, chunk]);
      else if (socket.destroyed || socket.readableEnded) throw CLIENT_GONE;
      else {
        await nextEvent(socket, ["readable", "end", "close"]);
      }
    }
  } finally {
    clearTimeout(deadline);
  }
  return [bytes.subarray(0, length), bytes.subarray(length)];
}
