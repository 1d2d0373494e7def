import type { ByteConnection } from "./bytes.ts";

export interface ClusterRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute path with encoded query, e.g. "/api/v1/pods?watch=true". */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Aborting ends the request, also while the body streams. */
  readonly signal: AbortSignal;
}

export interface ClusterResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Iterate once; must be read to the end or the signal aborted. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * One Kubernetes API server as seen by one identity (address, CA and credentials inside). The only way components meet.
 * Failures to reach the server throw OrlopError Unavailable; HTTP error statuses are answers, not failures.
 */
export interface ClusterTransport {
  /** host:port of the server, for metrics. Absent: it is in this process. */
  readonly host?: string;
  send(request: ClusterRequest): Promise<ClusterResponse>;
  /** Upgrades to a raw byte connection, for exec and friends. */
  upgrade?(
    request: ClusterRequest,
  ): Promise<{ readonly response: ClusterResponse; readonly connection?: ByteConnection }>;
}
