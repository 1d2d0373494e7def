import { createServer as createHttp1Server, type Server as Http1Server } from "node:http";
import { performServerHandshake, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type Server as TlsServer,
  type TLSSocket,
} from "node:tls";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Peer } from "../../ports/http.ts";
import { opensslCiphers } from "./cipher-suites.ts";
import { createInFlight, type ExchangeDeps } from "./exchange.ts";
import { createHttp1Exchange } from "./http1.ts";
import { createHttp2Exchange } from "./http2.ts";
import { opensslGroups } from "./key-exchange.ts";
import { listenOn } from "./listen.ts";
import { peerOfSocket } from "./peer.ts";
import type { HttpServer, HttpServerDeps, HttpServerOptions, ServingCertificate } from "./server-options.ts";

export type {
  HttpServer,
  HttpServerLimits,
  HttpServerOptions,
  HttpServerTls,
  ServingCertificate,
} from "./server-options.ts";

/**
 * HTTP/2 and HTTP/1.1 over TLS (by ALPN), or plain HTTP/1.1. Requests reach the handler with their path decoded once
 * and the client's certificate chain unverified. Broken and oversized requests are answered here (400, 408, 431).
 */
export function createHttpServer(deps: HttpServerDeps, options: HttpServerOptions): HttpServer {
  const { log } = deps;
  const { name, tls, limits = {} } = options;
  const headerBytes = limits.headerBytes ?? 1024 * 1024;
  const idleMilliseconds = limits.idleMilliseconds ?? 90_000;
  const headersMilliseconds = limits.headersMilliseconds ?? 30_000;
  const ciphers = opensslCiphers(tls?.cipherSuites);
  const minVersion = tls?.minVersion ?? "TLSv1.2";
  const ecdhCurve = opensslGroups(tls?.curvePreferences ?? []) ?? "auto";

  const inFlight = createInFlight();
  const peers = new WeakMap<object, Peer>();
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  let bound: { readonly host: string; readonly port: number } | undefined;
  let front: TlsServer | Server | undefined;

  const exchangeDeps: ExchangeDeps = {
    handler: deps.handler,
    log,
    inFlight,
    bodyTimeoutMilliseconds: limits.bodyMilliseconds ?? 60_000,
    pingMilliseconds: limits.pingMilliseconds ?? 30_000,
    peerOf: (socket) => peers.get(socket) ?? { address: "", port: 0, certificates: [], encrypted: tls !== undefined },
  };
  const http1Exchange = createHttp1Exchange(exchangeDeps);
  const http2Exchange = createHttp2Exchange(exchangeDeps);

  function createHttp1(): Http1Server {
    const server = createHttp1Server({
      maxHeaderSize: headerBytes,
      keepAliveTimeout: idleMilliseconds,
      headersTimeout: headersMilliseconds,
      // Bodies have their own limit where they are read; a proxied or streamed one may take long.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(headersMilliseconds, 5000),
    });
    server.on("request", http1Exchange.onRequest);
    server.on("upgrade", http1Exchange.onUpgrade);
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      const line = error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : badRequest(error);
      if (socket.writable && error.code !== "ECONNRESET") {
        socket.end(`HTTP/1.1 ${line}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${line}`);
      }
      socket.once("finish", () => socket.destroy());
    });
    return server;
  }

  function serveHttp2(socket: TLSSocket, peer: Peer): void {
    const session = performServerHandshake(socket, {
      settings: { maxConcurrentStreams: limits.streamsPerConnection ?? 250, maxHeaderListSize: headerBytes },
      maxSendHeaderBlockLength: headerBytes,
    });
    sessions.add(session);
    let open = 0;
    let idle = setTimeout(() => session.close(), idleMilliseconds);
    session.on("stream", (stream, headers) => {
      open += 1;
      clearTimeout(idle);
      stream.once("close", () => {
        open -= 1;
        if (open === 0 && !session.closed) idle = setTimeout(() => session.close(), idleMilliseconds);
      });
      http2Exchange(stream, headers, peer);
    });
    session.on("error", (error) => log.debug("An HTTP/2 connection broke", { error: error.message }));
    session.once("close", () => {
      clearTimeout(idle);
      sessions.delete(session);
    });
  }

  function track(socket: Socket): void {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  }

  function meet(socket: Socket): Peer {
    const peer = peerOfSocket(socket);
    peers.set(socket, peer);
    return peer;
  }

  function createFront(http1: Http1Server): TlsServer | Server {
    const connection = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };
    if (tls === undefined) {
      const server = createPlainServer({ ...connection, allowHalfOpen: true }, (socket) => {
        track(socket);
        meet(socket);
        http1.emit("connection", socket);
      });
      return server;
    }
    const server = createTlsServer({
      ...connection,
      ALPNProtocols: ["h2", "http/1.1"],
      requestCert: tls.requestCert ?? false,
      rejectUnauthorized: false,
      handshakeTimeout: headersMilliseconds,
      ...contextOf(tls),
    });
    // The connection below TLS: those that never finish their handshake count as well.
    server.on("connection", track);
    server.on("secureConnection", (socket) => {
      const peer = meet(socket);
      if (socket.alpnProtocol === "h2") {
        serveHttp2(socket, peer);
        return;
      }
      // Only from here on: a client that leaves during the handshake must not stay half-open.
      socket.allowHalfOpen = true;
      http1.emit("connection", socket);
    });
    server.on("tlsClientError", (error, socket) => {
      log.debug("A TLS handshake failed", { peer: socket.remoteAddress, error: error.message });
      socket.destroy();
    });
    return server;
  }

  function contextOf({ cert, key, clientCa }: Partial<ServingCertificate>): SecureContextOptions {
    const own = cert !== undefined && key !== undefined ? { cert, key } : {};
    const rules = { minVersion, ciphers, ecdhCurve, honorCipherOrder: true };
    return { ...own, ...rules, ...(clientCa !== undefined && { ca: clientCa }) };
  }

  async function stop(server: TlsServer | Server, http1: Http1Server): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    http1.closeIdleConnections();
    for (const session of sessions) session.close();
    await within(limits.drainMilliseconds ?? 500, inFlight.idle());
    inFlight.abortAll();
    await within(limits.graceMilliseconds ?? 2500, inFlight.idle());
    http1.closeIdleConnections();
    // One more turn, so that last answers leave before what is still open is cut.
    await within(50, closed);
    for (const socket of sockets) socket.destroy();
    http1.close();
    await closed;
  }

  return {
    name,
    async run(signal, ready) {
      signal.throwIfAborted();
      const http1 = createHttp1();
      try {
        front = createFront(http1);
      } catch (cause) {
        throw new OrlopError("Invalid", `The serving certificate of the ${name} is not usable: ${messageOf(cause)}`, {
          cause,
        });
      }
      const server = front;
      await listenOn(server, options);
      // The inner server listens nowhere; this starts its watch over slow clients.
      http1.emit("listening");
      const address = server.address();
      if (typeof address !== "object" || address === null) {
        throw new OrlopError("Internal", `The ${name} listens but has no address`);
      }
      bound = hostAndPort(address);
      log.info("Listening", { server: name, host: bound.host, port: bound.port, tls: tls !== undefined });
      ready();
      const failure = await stopped(server, signal);
      await stop(server, http1);
      if (failure !== undefined) {
        throw new OrlopError("Unavailable", `The ${name} stopped listening: ${failure.message}`, { cause: failure });
      }
    },
    address() {
      if (bound === undefined) throw new OrlopError("Unavailable", `The ${name} does not listen yet`);
      return bound;
    },
    reloadCertificate(certificate) {
      if (front === undefined || !("setSecureContext" in front)) return;
      try {
        front.setSecureContext(contextOf(certificate));
      } catch (cause) {
        throw new OrlopError("Invalid", `The new certificate of the ${name} is not usable: ${messageOf(cause)}`, {
          cause,
        });
      }
    },
  };
}

function hostAndPort(address: AddressInfo): { readonly host: string; readonly port: number } {
  return { host: address.address, port: address.port };
}

function badRequest(error: NodeJS.ErrnoException): string {
  return error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "408 Request Timeout" : "400 Bad Request";
}

/** Waits for the promise, at most `milliseconds`. */
async function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined = undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([promise, limit]);
  clearTimeout(timer);
}

/** Resolves when the signal aborts, or with the error that ended listening. */
function stopped(server: TlsServer | Server, signal: AbortSignal): Promise<Error | undefined> {
  return new Promise((resolve) => {
    server.once("error", resolve);
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
