import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { messageOf } from "../../lib/orlop-error.ts";
import { type PlainResponse, textResponse } from "./error-response.ts";
import { answerOf, CLIENT_GONE, createLazySignal, type ExchangeDeps, SERVER_STOPPING } from "./exchange.ts";
import { declaredLength, http1Request } from "./http1-request.ts";
import { discardBody, isGone, writeResponse } from "./http1-response.ts";
import { pendingUpgrade } from "./http1-upgrade.ts";
import { readBody } from "./request-body.ts";
import { parseRequestTarget } from "./request-target.ts";

export interface Http1Exchange {
  onRequest(message: IncomingMessage, response: ServerResponse): void;
  onUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** Serves HTTP/1.0 and 1.1. */
export function createHttp1Exchange(deps: ExchangeDeps): Http1Exchange {
  const { log, inFlight } = deps;

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
      const request = http1Request(message, {
        target: target.value,
        peer: deps.peerOf(message.socket),
        signal,
        readBody: (limitBytes) =>
          readBody(message, {
            limitBytes,
            timeoutMilliseconds: deps.bodyTimeoutMilliseconds,
            declaredBytes: declaredLength(message.headers),
          }),
      });
      const answer = await answerOf(deps, request);
      if (isGone(response)) return;
      if ("upgraded" in answer) throw new TypeError("a handler upgraded a request that is no upgrade");
      discardBody(message, response);
      await writeResponse(message, response, answer);
    } finally {
      inFlight.remove(stop);
    }
  }

  async function serveUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const respond = async (answer: PlainResponse): Promise<void> => {
      if (socket.destroyed) return;
      const response = new ServerResponse(message);
      response.shouldKeepAlive = false;
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
    const pending = pendingUpgrade(deps, message, socket, head);
    // A client that could do HTTP/2 as well says so this way, and is content with HTTP/1.1.
    const isOffer = pending.upgrade.protocol === "h2c";
    inFlight.add(stop);
    try {
      const request = http1Request(message, {
        target: target.value,
        peer: deps.peerOf(socket),
        signal,
        readBody: (limitBytes) => pending.readBody(limitBytes),
        ...(!isOffer && { upgrade: pending.upgrade }),
      });
      const answer = await answerOf(deps, request);
      if ("upgraded" in answer) {
        await answer.done.catch((reason: unknown) => {
          log.debug("An upgraded connection broke", { path: target.value.path, error: messageOf(reason) });
        });
        await pending.close();
      } else if (pending.isAccepted) {
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
    if (reason !== CLIENT_GONE && reason !== SERVER_STOPPING && !socket.destroyed) {
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
