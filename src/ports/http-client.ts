import type { ByteConnection } from "./bytes.ts";

export interface ClientRequest {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  /** Path and query exactly as they go on the wire; never normalised. */
  readonly target: string;
  readonly method: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** A stream is sent as it comes; without a Content-Length header it goes in chunks. */
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>;
  /** Aborting ends the request, also while the response body streams; an upgraded connection lives on by itself. */
  readonly signal: AbortSignal;
}

export interface ClientResponse {
  readonly status: number;
  /** Lower-cased names; each value of a repeated header on its own. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Iterate once; leaving the loop early ends the request. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * HTTP/1.1 towards kubelets, pods, services and streaming servers, with one TLS identity per client.
 * Not reaching the other side throws OrlopError Unavailable; every HTTP status is an answer. Redirects are not followed.
 */
export interface HttpClient {
  send(request: ClientRequest): Promise<ClientResponse>;
  /** The headers say what to upgrade to. `connection` is there exactly when the answer was 101. */
  upgrade(request: ClientRequest): Promise<{ readonly response: ClientResponse; readonly connection?: ByteConnection }>;
}
