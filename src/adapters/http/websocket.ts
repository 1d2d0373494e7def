import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { WebSocketConnection, WebSocketMessage } from "../../ports/http.ts";

/** Messages held for a slow reader before the socket is paused. */
const QUEUE_BYTES = 256 * 1024;
/** Bytes the socket may hold for a slow peer before `send` waits. */
const SEND_BUFFER_BYTES = 256 * 1024;
const DEFAULT_MESSAGE_BYTES = 1024 * 1024;

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

function closed(cause?: unknown): OrlopError {
  return new OrlopError("Unavailable", "The WebSocket was closed", {
    retry: "never",
    ...(cause !== undefined && { cause }),
  });
}

/** Wraps a connected ws socket; must be called before it can deliver its first message. */
export function webSocketConnection(
  socket: WebSocket,
  options: { readonly protocol: string; readonly pingMilliseconds: number },
): WebSocketConnection {
  const queue: WebSocketMessage[] = [];
  let queued = 0;
  let ended = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;

  const stir = (): void => {
    wake?.();
    wake = undefined;
  };
  const pings = setInterval(() => {
    // Keeps middleboxes awake. A missing pong proves nothing: a client with a stopped reader (a pager) sends none.
    if (socket.readyState === WebSocket.OPEN && socket.bufferedAmount === 0) socket.ping();
  }, options.pingMilliseconds);
  pings.unref();

  socket.on("message", (data, binary) => {
    const message = { binary, data: bytesOf(data) };
    queue.push(message);
    queued += message.data.byteLength + 64;
    if (queued > QUEUE_BYTES) socket.pause();
    stir();
  });
  socket.on("error", (error) => {
    failure ??= closed(error);
    stir();
  });
  socket.on("close", (code) => {
    clearInterval(pings);
    // 1006: the connection broke without a closing handshake.
    if (code === 1006) failure ??= closed();
    ended = true;
    stir();
  });

  async function* messages(): AsyncGenerator<WebSocketMessage> {
    for (;;) {
      const message = queue.shift();
      if (message !== undefined) {
        queued -= message.data.byteLength + 64;
        if (socket.isPaused && queued <= QUEUE_BYTES / 2) socket.resume();
        yield message;
      } else if (failure !== undefined) throw failure;
      else if (ended) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  return {
    protocol: options.protocol,
    messages: messages(),
    send(data, sendOptions) {
      return new Promise((resolve, reject) => {
        if (socket.readyState !== WebSocket.OPEN) {
          reject(failure ?? closed());
          return;
        }
        const waits = socket.bufferedAmount > SEND_BUFFER_BYTES;
        socket.send(data, { binary: sendOptions?.binary ?? true }, (error) => {
          if (!waits) return;
          if (error) reject(closed(error));
          else resolve();
        });
        if (!waits) resolve();
      });
    },
    async close(code = 1000, reason = "") {
      if (socket.readyState === WebSocket.CLOSED) return;
      if (socket.isPaused) socket.resume();
      const done = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      socket.close(code, reason);
      await done;
    },
    destroy() {
      failure ??= closed();
      socket.terminate();
    },
  };
}

export interface WebSocketAcceptOptions {
  readonly protocol: string;
  readonly maxMessageBytes?: number;
  readonly pingMilliseconds: number;
}

/**
 * Does the server side of the handshake. Rejects, leaving the socket unanswered, when the request is no valid one or
 * does not offer the protocol.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: WebSocketAcceptOptions,
): Promise<WebSocketConnection> {
  const { protocol } = options;
  // The library wants tokens (RFC 9110) here, and Kubernetes' "SPDY/3.1+portforward.k8s.io" is none.
  const offered = request.headers["sec-websocket-protocol"]?.split(",").map((entry) => entry.trim()) ?? [];
  delete request.headers["sec-websocket-protocol"];
  if (protocol !== "" && !offered.includes(protocol)) {
    const why = `The request is no WebSocket handshake for the protocol ${protocol}`;
    return Promise.reject(new OrlopError("Invalid", why));
  }
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: options.maxMessageBytes ?? DEFAULT_MESSAGE_BYTES,
  });
  if (protocol !== "") server.on("headers", (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve, reject) => {
    server.on("wsClientError", (error) => {
      reject(new OrlopError("Invalid", `The request is no WebSocket handshake: ${error.message}`, { cause: error }));
    });
    server.handleUpgrade(request, socket, head, (webSocket) => {
      resolve(webSocketConnection(webSocket, options));
    });
  });
}
