import { createHash } from "node:crypto";
import {
  Agent as PlainAgent,
  type ClientRequest as ClientHttpRequest,
  type IncomingMessage,
  request as plainRequest,
  type RequestOptions,
} from "node:http";
import { Agent as TlsAgent, type AgentOptions, request as tlsRequest } from "node:https";
import { connect as connectPlain, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { ClientRequest, ClientResponse, HttpClient } from "../../ports/http-client.ts";
import { duplexConnection } from "./duplex-connection.ts";
import { nextEvent } from "./next-event.ts";

/** How the certificate of the other side is judged. */
export type ServerTrust =
  | { readonly by: "ca"; readonly ca: string; readonly serverName?: string }
  /** SHA-256 of the DER certificate, lower-case hex. */
  | { readonly by: "fingerprint"; readonly sha256: readonly string[] }
  | { readonly by: "nobody" };

export interface ClientTls {
  readonly trust: ServerTrust;
  /** PEM of the client's own identity. */
  readonly cert?: string;
  readonly key?: string;
}

export interface HttpClientOptions {
  /** Asked for each new connection, so that a rotated certificate is used from then on. */
  readonly tls: () => ClientTls;
  /** @default 10000 */
  readonly connectMilliseconds?: number;
}

const NO_BODY: AsyncIterable<Uint8Array> = {
  async *[Symbol.asyncIterator]() {
    // Nothing to give.
  },
};

function connectionOptions(tls: ClientTls): ConnectionOptions {
  const { trust } = tls;
  return {
    ...(tls.cert !== undefined && tls.key !== undefined && { cert: tls.cert, key: tls.key }),
    ...(trust.by === "ca" ? { ca: trust.ca } : { rejectUnauthorized: false }),
    ...(trust.by === "ca" && trust.serverName !== undefined && { servername: trust.serverName }),
    // A resumed session shows no certificate to check.
    ...(trust.by === "fingerprint" && { session: undefined }),
  };
}

/** The reason not to talk to this server, if there is one. */
function distrust(socket: TLSSocket, trust: ServerTrust): Error | undefined {
  if (trust.by !== "fingerprint") return undefined;
  const { raw } = socket.getPeerCertificate();
  const seen = raw === undefined ? "none" : createHash("sha256").update(raw).digest("hex");
  return trust.sha256.includes(seen)
    ? undefined
    : new Error(`its certificate (SHA-256 ${seen}) is not the one expected`);
}

function headersOf(message: IncomingMessage): Record<string, string | readonly string[] | undefined> {
  const headers: Record<string, string | readonly string[] | undefined> = {};
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    headers[name] = values?.length === 1 ? values[0] : values;
  }
  return headers;
}

async function* bodyOf(message: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of message) yield chunk as Uint8Array;
  } catch (cause) {
    throw new OrlopError("Unavailable", `The response broke off: ${messageOf(cause)}`, { cause });
  } finally {
    message.destroy();
  }
}

/** Sends the body; a stream at the pace of the other side. What breaks it shows on the request. */
function sendBody(outgoing: ClientHttpRequest, body: ClientRequest["body"]): void {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    outgoing.end(body);
    return;
  }
  const pump = async (): Promise<void> => {
    for await (const chunk of body) {
      if (outgoing.destroyed) return;
      if (!outgoing.write(chunk)) await nextEvent(outgoing, ["drain", "close"]);
    }
    outgoing.end();
  };
  pump().catch((reason: unknown) => outgoing.destroy(reason instanceof Error ? reason : new Error(messageOf(reason))));
}

/** Whether sending it twice is the same as sending it once, and possible. */
function mayRepeat({ method, body, signal }: ClientRequest): boolean {
  return ["GET", "HEAD", "OPTIONS"].includes(method) && body === undefined && !signal.aborted;
}

/** An HTTP client with pooled keep-alive connections for requests and a connection of its own for each upgrade. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const connectMilliseconds = options.connectMilliseconds ?? 10_000;

  function connect(
    request: Pick<ClientRequest, "scheme" | "host" | "port">,
    // A pooled connection must not stay half-open: the pool would give it out again.
    allowHalfOpen: boolean,
    signal: AbortSignal | undefined,
    done: (error: Error | null, socket?: Duplex) => void,
  ): void {
    const { scheme, host, port } = request;
    const tls = scheme === "https" ? options.tls() : undefined;
    const common = { host, port, allowHalfOpen, keepAlive: true, noDelay: true };
    const socket =
      tls === undefined
        ? connectPlain(common)
        : connectTls({ ...common, ...(isIP(host) === 0 && { servername: host }), ...connectionOptions(tls) });
    const settle = (error: Error | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", settle);
      if (error === null) done(null, socket);
      else {
        socket.on("error", () => undefined);
        socket.destroy();
        done(error);
      }
    };
    const onAbort = (): void => settle(new Error("cancelled"));
    const timer = setTimeout(
      () => settle(new Error(`no connection within ${connectMilliseconds / 1000} s`)),
      connectMilliseconds,
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.once("error", settle);
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      // Before the first byte of the request leaves.
      settle(tls === undefined ? null : (distrust(socket as TLSSocket, tls.trust) ?? null));
    });
  }

  /** Agents give `host` and `port` of the request back in their options. */
  function agentConnection(scheme: "http" | "https") {
    return (
      target: AgentOptions & { host?: string; port?: number | string },
      done: (error: Error | null, socket?: Duplex) => void,
    ) => {
      connect({ scheme, host: target.host ?? "", port: Number(target.port) }, false, undefined, done);
      return undefined;
    };
  }
  const plainAgent = new PlainAgent({ keepAlive: true, maxFreeSockets: 16, timeout: 0 });
  const tlsAgent = new TlsAgent({ keepAlive: true, maxFreeSockets: 16, timeout: 0 });
  Object.assign(plainAgent, { createConnection: agentConnection("http") });
  Object.assign(tlsAgent, { createConnection: agentConnection("https") });

  function wireOptions(request: ClientRequest): RequestOptions {
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      headers[name] = typeof value === "string" ? value : [...value];
    }
    return { method: request.method, host: request.host, port: request.port, path: request.target, headers };
  }

  function unreachable(request: ClientRequest, cause: unknown): OrlopError {
    if (request.signal.aborted) return new OrlopError("Cancelled", "The request was cancelled", { cause });
    const where = `${request.scheme}://${request.host.includes(":") ? `[${request.host}]` : request.host}:${request.port}`;
    return new OrlopError("Unavailable", `Cannot reach ${where}: ${messageOf(cause)}`, { cause });
  }

  function responseOf(message: IncomingMessage): ClientResponse {
    return { status: message.statusCode ?? 0, headers: headersOf(message), body: bodyOf(message) };
  }

  function sendOnce(request: ClientRequest): Promise<ClientResponse | "stale connection"> {
    const { signal } = request;
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(unreachable(request, signal.reason));
        return;
      }
      const https = request.scheme === "https";
      const outgoing = (https ? tlsRequest : plainRequest)({
        ...wireOptions(request),
        agent: https ? tlsAgent : plainAgent,
      });
      const onAbort = (): void => {
        outgoing.destroy(new Error("cancelled"));
      };
      signal.addEventListener("abort", onAbort, { once: true });
      outgoing.once("close", () => signal.removeEventListener("abort", onAbort));
      outgoing.on("error", (error) => {
        // The other side may close an idle connection at the moment it is used again; that is nobody's failure.
        if (outgoing.reusedSocket && mayRepeat(request)) resolve("stale connection");
        else reject(unreachable(request, error));
      });
      outgoing.once("response", (message) => {
        message.on("error", () => undefined);
        resolve(responseOf(message));
      });
      sendBody(outgoing, request.body);
    });
  }

  return {
    async send(request) {
      for (;;) {
        const response = await sendOnce(request);
        if (response !== "stale connection") return response;
      }
    },
    upgrade(request) {
      const { signal } = request;
      return new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(unreachable(request, signal.reason));
          return;
        }
        connect(request, true, signal, (failure, socket) => {
          if (failure !== null || socket === undefined) {
            reject(unreachable(request, failure));
            return;
          }
          const onAbort = (): void => {
            socket.destroy();
          };
          signal.addEventListener("abort", onAbort, { once: true });
          const settled = (): void => signal.removeEventListener("abort", onAbort);
          const outgoing = plainRequest({ ...wireOptions(request), createConnection: () => socket });
          outgoing.on("error", (error) => {
            settled();
            reject(unreachable(request, error));
          });
          outgoing.once("upgrade", (message, upgraded, head) => {
            settled();
            upgraded.on("error", () => undefined);
            const connection = duplexConnection(upgraded, head);
            resolve({
              response: { status: message.statusCode ?? 0, headers: headersOf(message), body: NO_BODY },
              connection,
            });
          });
          outgoing.once("response", (message) => {
            message.on("error", () => undefined);
            message.once("close", settled);
            resolve({ response: responseOf(message) });
          });
          sendBody(outgoing, request.body);
        });
      });
    },
  };
}
