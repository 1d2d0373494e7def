import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { ByteConnection } from "../../ports/bytes.ts";
import type { Upgrade } from "../../ports/http.ts";
import { duplexConnection } from "./duplex-connection.ts";
import { CLIENT_GONE, type ExchangeDeps } from "./exchange.ts";
import { declaredLength } from "./http1-request.ts";
import { nextEvent } from "./next-event.ts";
import { acceptWebSocket } from "./websocket.ts";

/** A connection that asks to leave HTTP, until somebody takes it. */
export interface PendingUpgrade {
  readonly upgrade: Upgrade;
  readonly isAccepted: boolean;
  readBody(limitBytes: number): Promise<Uint8Array>;
  /** After the upgraded protocol is done: what was written is delivered, then the connection closes. */
  close(): Promise<void>;
}

export function pendingUpgrade(
  deps: ExchangeDeps,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): PendingUpgrade {
  let accepted = false;
  let rest: Buffer = head;
  let raw: ByteConnection | undefined;
  const refuseTwice = (): void => {
    if (accepted) throw new TypeError("an upgrade can be accepted once");
  };
  return {
    get isAccepted() {
      return accepted;
    },
    upgrade: {
      protocol: (message.headers.upgrade ?? "").toLowerCase(),
      acceptRaw(headers) {
        refuseTwice();
        accepted = true;
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
        raw = duplexConnection(socket, rest);
        return raw;
      },
      async acceptWebSocket(protocol, options) {
        refuseTwice();
        const connection = await acceptWebSocket(message, socket, rest, {
          protocol,
          pingMilliseconds: deps.pingMilliseconds,
          ...(options?.maxMessageBytes !== undefined && { maxMessageBytes: options.maxMessageBytes }),
        });
        accepted = true;
        return connection;
      },
    },
    async readBody(limitBytes) {
      const [bytes, remaining] = await bodyBeforeUpgrade(message, socket, rest, limitBytes, deps);
      rest = remaining;
      return bytes;
    },
    async close() {
      await raw?.end();
      // A WebSocket has said its own farewell.
      if (raw === undefined) socket.destroy();
      else raw.destroy();
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
      else await nextEvent(socket, ["readable", "end", "close"]);
    }
  } finally {
    clearTimeout(deadline);
  }
  return [bytes.subarray(0, length), bytes.subarray(length)];
}
