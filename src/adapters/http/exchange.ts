import type { Log } from "../../ports/log.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { HttpHandler, HttpRequest, HttpResponse, Peer } from "../../ports/http.ts";
import { errorResponse } from "./error-response.ts";

/** What both protocol versions need to serve one request. */
export interface ExchangeDeps {
  readonly handler: HttpHandler;
  readonly log: Log;
  readonly bodyTimeoutMilliseconds: number;
  readonly pingMilliseconds: number;
  readonly peerOf: (socket: object) => Peer;
  /** Counts requests in flight and ends their signals when the server stops. */
  readonly inFlight: InFlight;
}

/** Requests being served. */
export interface InFlight {
  readonly size: number;
  add(abort: () => void): void;
  remove(abort: () => void): void;
  /** Aborts every request now and every one that comes later. */
  abortAll(): void;
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>;
}

export function createInFlight(): InFlight {
  const aborts = new Set<() => void>();
  const waiting = new Set<() => void>();
  let aborted = false;
  return {
    get size() {
      return aborts.size;
    },
    add(abort) {
      aborts.add(abort);
      if (aborted) abort();
    },
    remove(abort) {
      aborts.delete(abort);
      if (aborts.size > 0) return;
      for (const resolve of waiting) resolve();
      waiting.clear();
    },
    abortAll() {
      aborted = true;
      for (const abort of aborts) abort();
    },
    idle() {
      if (aborts.size === 0) return Promise.resolve();
      return new Promise((resolve) => waiting.add(resolve));
    },
  };
}

/** The signal of one request; the controller is made only when somebody asks for it or it must abort. */
export interface LazySignal {
  readonly signal: AbortSignal;
  abort(reason: Error): void;
}

export function createLazySignal(): LazySignal {
  let controller: AbortController | undefined;
  let reason: Error | undefined;
  return {
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (reason !== undefined) controller.abort(reason);
      }
      return controller.signal;
    },
    abort(why) {
      if (reason !== undefined) return;
      reason = why;
      controller?.abort(why);
    },
  };
}

/** Bodies are handed to the socket in pieces of this size, so that a slow client holds one piece and not all. */
export const PIECE_BYTES = 64 * 1024;

export function asBuffer(body: Uint8Array | string): Buffer {
  if (typeof body === "string") return Buffer.from(body);
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

/** Why a request's signal aborts. */
export const CLIENT_GONE = new OrlopError("Cancelled", "The client closed the connection");
export const SERVER_STOPPING = new OrlopError("Cancelled", "The server is stopping");

/** Asks the handler; what it throws becomes an answer. */
export async function answerOf(deps: ExchangeDeps, request: HttpRequest): Promise<HttpResponse> {
  try {
    return await deps.handler(request);
  } catch (reason) {
    const answer = errorResponse(reason);
    if (answer.status >= 500 && !request.signal.aborted) {
      deps.log.error("A request handler failed", {
        method: request.method,
        path: request.path,
        error: messageOf(reason),
        ...(reason instanceof Error && { stack: reason.stack }),
      });
    }
    return answer;
  }
}
