import type { IncomingMessage, ServerResponse } from "node:http";
import type { PlainResponse } from "./error-response.ts";
import { asBuffer, CLIENT_GONE, PIECE_BYTES } from "./exchange.ts";
import { nextEvent } from "./next-event.ts";

/** Of a body nobody wants, at most this much is read away, for at most this long. */
const UNREAD_BODY_BYTES = 16 * 1024 * 1024;
const LINGER_MILLISECONDS = 1000;

/** Whether nobody waits for the response any more. One that waits behind another on its connection has no socket yet. */
export function isGone(response: ServerResponse): boolean {
  return response.destroyed || response.closed || response.req.socket.destroyed;
}

/** Resolves when the response may take more; rejects when its client is gone. */
async function drained(response: ServerResponse): Promise<void> {
  if (isGone(response)) throw CLIENT_GONE;
  if (!response.writableNeedDrain) return;
  await nextEvent(response, ["drain", "close"]);
  if (isGone(response)) throw CLIENT_GONE;
}

async function writePieces(response: ServerResponse, body: Buffer): Promise<void> {
  for (let offset = 0; offset < body.byteLength; offset += PIECE_BYTES) {
    response.write(body.subarray(offset, offset + PIECE_BYTES));
    await drained(response);
  }
  response.end();
}

/** Sends the answer; resolves when all of it is handed to the connection. */
export async function writeResponse(
  message: IncomingMessage,
  response: ServerResponse,
  answer: PlainResponse,
): Promise<void> {
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
        if (isGone(response)) throw CLIENT_GONE;
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
export function discardBody(message: IncomingMessage, response: ServerResponse): void {
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
