import type { ByteConnection } from "./bytes.ts";

/** The other end of a connection. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  /** DER of the client certificate, leaf first; empty when none was sent. NOT verified by the adapter. */
  readonly certificates: readonly Uint8Array[];
  /** False on plain listeners (read-only port, healthz port). */
  readonly encrypted: boolean;
}

/** One message of a WebSocket. */
export interface WebSocketMessage {
  readonly binary: boolean;
  readonly data: Uint8Array;
}

export interface WebSocketConnection {
  /** The subprotocol agreed on, "" for none. */
  readonly protocol: string;
  /** Ends on a clean close, throws when the connection breaks. Iterate once. */
  readonly messages: AsyncIterable<WebSocketMessage>;
  /** Resolves when more may be sent (bounded buffer). */
  send(data: Uint8Array, options?: { readonly binary?: boolean }): Promise<void>;
  close(code?: number, reason?: string): Promise<void>;
  destroy(): void;
}

/** Present on a request that asks for a protocol upgrade; exactly one of the two may be called, once. */
export interface Upgrade {
  /** Lower-cased value of the Upgrade header: "websocket", "spdy/3.1". */
  readonly protocol: string;
  /** Answers 101 with these headers and hands over the raw bytes. */
  acceptRaw(headers: Readonly<Record<string, string>>): ByteConnection;
  /** Does the WebSocket handshake, choosing `protocol` ("" for none). Fails when the request is no valid handshake. */
  acceptWebSocket(protocol: string, options?: { readonly maxMessageBytes?: number }): Promise<WebSocketConnection>;
}

/** A request as every server of ours sees it; one parsed value for routing and for authorization. */
export interface HttpRequest {
  /** As sent, case-sensitive. */
  readonly method: string;
  /** The request target as sent, in origin form (from its first slash on), for logs and for passing on. */
  readonly target: string;
  /** Path decoded exactly once, never normalised. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-cased names; repeated headers joined by ", ". */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly httpVersion: "1.0" | "1.1" | "2.0";
  readonly peer: Peer;
  /** Aborted when the client goes away or the server stops. */
  readonly signal: AbortSignal;
  /** Reads the whole body. Throws OrlopError ResourceExhausted when longer than `limitBytes`. */
  body(limitBytes: number): Promise<Uint8Array>;
  /** Reads the body as it comes, however long, instead of `body`; for passing it on. Iterate once. */
  bodyStream?(): AsyncIterable<Uint8Array>;
  /** Present when the client asked to upgrade the connection (HTTP/1.1 only). */
  readonly upgrade?: Upgrade;
}

/** Where a streaming body is written; `write` resolves when more may be written. */
export interface BodyWriter {
  write(chunk: Uint8Array | string): Promise<void>;
}

export type HttpResponse =
  | {
      readonly status: number;
      readonly headers: Readonly<Record<string, string | readonly string[]>>;
      /** A function streams: it is called once, the response ends when it resolves and breaks off when it rejects. */
      readonly body?: Uint8Array | string | ((writer: BodyWriter) => Promise<void>);
    }
  /** The handler accepted the upgrade; `done` settles when the connection's work is over. */
  | { readonly status: 101; readonly upgraded: true; readonly done: Promise<void> };

export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;
