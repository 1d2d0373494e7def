import { isIP } from "node:net";
import { type Dispatcher, Pool, ProxyAgent } from "undici";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ClusterRequest, ClusterResponse, ClusterTransport } from "../../ports/cluster-transport.ts";
import { createHttpClient, type ServerTrust } from "../http/client.ts";
import type { ClusterConnection } from "./connection.ts";
import { createCredentialReader, type Credentials } from "./credentials.ts";

export interface ClusterTransportDeps {
  readonly clock: Clock;
}

export interface ClusterTransportOptions {
  /** Connections for ordinary requests; more requests wait for one. Watches have connections of their own. @default 16 */
  readonly connections?: number;
  /** @default 10_000 */
  readonly connectTimeoutMs?: number;
  /** An ordinary request whose answer has not begun by then fails, and one that stops coming for so long. @default 60_000 */
  readonly idleTimeoutMs?: number;
}

export interface ClosableTransport extends ClusterTransport {
  /** Ends watches, lets other requests finish, then closes all connections. Idempotent. */
  close(): Promise<void>;
}

/** Connections made with one state of the credentials. */
interface Pools {
  readonly credentials: Credentials;
  readonly ordinary: Dispatcher;
  /** For answers that go on for hours: watches and logs that follow. As many as there are. */
  readonly longRunning: Dispatcher;
}

/** A Kubernetes API server over HTTP/1.1 with kept-alive connections. Rotated certificates and tokens are picked up. */
export function createClusterTransport(
  connection: ClusterConnection,
  deps: ClusterTransportDeps,
  options: ClusterTransportOptions = {},
): ClosableTransport {
  const { connections = 16, connectTimeoutMs = 10_000, idleTimeoutMs = 60_000 } = options;
  const url = new URL(connection.server);
  const prefix = url.pathname.replace(/\/+$/, "");
  const readCredentials = createCredentialReader(connection, deps.clock);
  let pools: Pools | undefined;
  let closed = false;

  const makePools = (credentials: Credentials): Pools => {
    const servername = connection.tlsServerName ?? (isIP(hostOf(url)) === 0 ? url.hostname : undefined);
    const tls = {
      timeout: connectTimeoutMs,
      keepAlive: true,
      rejectUnauthorized: connection.insecureSkipTlsVerify !== true,
      ...(servername !== undefined && { servername }),
      ...(credentials.ca !== undefined && { ca: credentials.ca }),
      ...(credentials.cert !== undefined && { cert: credentials.cert }),
      ...(credentials.key !== undefined && { key: credentials.key }),
    };
    const make = (limit: number | null, timeout: number): Dispatcher => {
      const common = {
        connections: limit,
        allowH2: false,
        headersTimeout: idleTimeoutMs,
        bodyTimeout: timeout,
        keepAliveTimeout: 30_000,
      };
      const { proxyUrl } = connection;
      return proxyUrl === undefined
        ? new Pool(url.origin, { ...common, connect: tls })
        : new ProxyAgent({ ...common, uri: proxyUrl, requestTls: tls, proxyTls: { timeout: connectTimeoutMs } });
    };
    return { credentials, ordinary: make(connections, idleTimeoutMs), longRunning: make(null, 0) };
  };

  const poolsNow = async (): Promise<Pools> => {
    const credentials = await readCredentials();
    if (closed)
      throw new OrlopError("Unavailable", `The connection to ${connection.server} is closed`, { retry: "never" });
    if (pools === undefined) pools = makePools(credentials);
    else if (pools.credentials !== credentials) {
      const { ca, cert, key } = pools.credentials;
      if (ca === credentials.ca && cert === credentials.cert && key === credentials.key) {
        pools = { ...pools, credentials };
      } else {
        // Requests under way end on the old connections, which then close.
        closePools(pools).catch(() => undefined);
        pools = makePools(credentials);
      }
    }
    return pools;
  };

  const headersFor = (request: ClusterRequest, credentials: Credentials): Record<string, string | string[]> => ({
    ...request.headers,
    ...(credentials.token !== undefined && { authorization: `Bearer ${credentials.token}` }),
    ...(connection.impersonate !== undefined && { "impersonate-user": connection.impersonate.user }),
    ...(connection.impersonate !== undefined &&
      connection.impersonate.groups.length > 0 && { "impersonate-group": [...connection.impersonate.groups] }),
  });

  const failure = (request: ClusterRequest, cause: unknown): unknown => {
    if (request.signal.aborted) return request.signal.reason;
    if (cause instanceof OrlopError) return cause;
    const path = request.path.split("?")[0] ?? "";
    return new OrlopError("Unavailable", `${request.method} ${connection.server}${path} failed: ${messageOf(cause)}`, {
      cause,
    });
  };

  const sendOnce = async (request: ClusterRequest): Promise<ClusterResponse> => {
    const { ordinary, longRunning, credentials } = await poolsNow();
    const pool = isLongRunning(request.path) ? longRunning : ordinary;
    const { statusCode, headers, body } = await pool.request({
      origin: url.origin,
      method: request.method,
      path: prefix + request.path,
      headers: headersFor(request, credentials),
      body: request.body ?? null,
      signal: request.signal,
    });
    return {
      status: statusCode,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
      ),
      body: translated(body, (cause) => failure(request, cause)),
    };
  };

  return {
    host: url.host,
    async send(request) {
      request.signal.throwIfAborted();
      try {
        return await sendOnce(request).catch((reason: unknown) => {
          // The server may close a kept connection just as it is used again; reading once more does no harm.
          if (request.method !== "GET" || request.signal.aborted || !isClosedConnection(reason)) throw reason;
          return sendOnce(request);
        });
      } catch (cause) {
        throw failure(request, cause);
      }
    },
    async upgrade(request) {
      const { credentials } = await poolsNow();
      if (connection.proxyUrl !== undefined) {
        throw new OrlopError("Unsupported", `Upgrading a connection to ${connection.server} through a proxy-url`);
      }
      const trust: ServerTrust =
        connection.insecureSkipTlsVerify === true || credentials.ca === undefined
          ? { by: "nobody" }
          : {
              by: "ca",
              ca: credentials.ca,
              ...(connection.tlsServerName !== undefined && { serverName: connection.tlsServerName }),
            };
      if (trust.by === "nobody" && connection.insecureSkipTlsVerify !== true && url.protocol === "https:") {
        throw new OrlopError(
          "Unsupported",
          `Upgrading a connection to ${connection.server} needs a certificate authority in the kubeconfig`,
        );
      }
      const client = createHttpClient({
        connectMilliseconds: connectTimeoutMs,
        tls: () => ({
          trust,
          ...(credentials.cert !== undefined && { cert: credentials.cert }),
          ...(credentials.key !== undefined && { key: credentials.key }),
        }),
      });
      const { response, connection: bytes } = await client
        .upgrade({
          scheme: url.protocol === "http:" ? "http" : "https",
          host: hostOf(url),
          port: Number(url.port === "" ? (url.protocol === "http:" ? 80 : 443) : url.port),
          target: prefix + request.path,
          method: request.method,
          headers: { host: url.host, ...headersFor(request, credentials) },
          ...(request.body !== undefined && { body: request.body }),
          signal: request.signal,
        })
        .catch((cause: unknown) => {
          throw failure(request, cause);
        });
      return {
        response: {
          ...response,
          headers: Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [
              name,
              typeof value === "object" ? value.join(", ") : value,
            ]),
          ),
        },
        ...(bytes !== undefined && { connection: bytes }),
      };
    },
    async close() {
      if (closed) return;
      closed = true;
      if (pools !== undefined) await Promise.all([pools.ordinary.close(), pools.longRunning.destroy()]);
    },
  };
}

async function closePools({ ordinary, longRunning }: Pools): Promise<void> {
  await Promise.all([ordinary.close(), longRunning.close()]);
}

function isLongRunning(path: string): boolean {
  const query = new URLSearchParams(path.split("?")[1] ?? "");
  return ["watch", "follow"].some((name) => query.get(name) === "true" || query.get(name) === "1");
}

function isClosedConnection(reason: unknown): boolean {
  const code = reason instanceof Error && "code" in reason ? reason.code : undefined;
  return code === "UND_ERR_SOCKET" || code === "ECONNRESET" || code === "EPIPE";
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

async function* translated(
  body: AsyncIterable<Uint8Array>,
  failure: (cause: unknown) => unknown,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body;
  } catch (cause) {
    throw failure(cause);
  }
}
