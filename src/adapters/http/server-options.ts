import type { HttpHandler } from "../../ports/http.ts";
import type { Log } from "../../ports/log.ts";

export interface ServingCertificate {
  /** PEM, leaf first, intermediates after it. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** PEM of the authorities named to clients when asking for a certificate. Verification is the authenticator's. */
  readonly clientCa?: string;
}

/** Without a certificate no handshake succeeds until one is loaded. */
export interface HttpServerTls extends Partial<ServingCertificate> {
  /** Ask clients for a certificate; none is required. @default false */
  readonly requestCert?: boolean;
  /** @default "TLSv1.2" */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  /** IANA names for TLS 1.2. @default those with forward secrecy and authenticated encryption */
  readonly cipherSuites?: readonly string[];
  /** Numbers of TLS groups for the key exchange. @default what OpenSSL offers */
  readonly curvePreferences?: readonly number[];
}

export interface HttpServerLimits {
  /** Size of all headers of a request, bytes. @default 1048576 */
  readonly headerBytes?: number;
  /** A connection without a request is closed after this. @default 90000 */
  readonly idleMilliseconds?: number;
  /** Time for a client to send its headers, and for the TLS handshake. @default 30000 */
  readonly headersMilliseconds?: number;
  /** Time for a client to send a body that a handler reads. @default 60000 */
  readonly bodyMilliseconds?: number;
  /** Time between pings on WebSockets. @default 30000 */
  readonly pingMilliseconds?: number;
  /** Time that running requests get at stop before their signals abort. @default 500 */
  readonly drainMilliseconds?: number;
  /** Time after that until connections are destroyed. @default 2500 */
  readonly graceMilliseconds?: number;
  /** Requests at once on one HTTP/2 connection. @default 250 */
  readonly streamsPerConnection?: number;
}

export interface HttpServerOptions {
  /** For errors and logs, e.g. "kubelet API". */
  readonly name: string;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** undefined: plain HTTP/1.1. */
  readonly tls: HttpServerTls | undefined;
  readonly limits?: HttpServerLimits;
}

export interface HttpServerDeps {
  readonly handler: HttpHandler;
  readonly log: Log;
}

/** A server as a unit: runs until the signal aborts, then lets requests finish within the limits. */
export interface HttpServer {
  readonly name: string;
  /** Rejects with OrlopError when it can not listen. */
  run(signal: AbortSignal, ready: () => void): Promise<void>;
  /** Where it listens. Throws before it does. */
  address(): { readonly host: string; readonly port: number };
  /** New connections get the new certificate; existing ones stay. Throws OrlopError Invalid when it is not usable. */
  reloadCertificate(certificate: ServingCertificate): void;
}
