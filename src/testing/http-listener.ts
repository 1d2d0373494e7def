import {
  type HttpServer,
  type HttpServerLimits,
  type HttpServerTls,
  createHttpServer,
} from "../adapters/http/server.ts";
import { createAuthority } from "../adapters/tls/certificate-authority.ts";
import { generateKeyPair } from "../adapters/tls/key-pair.ts";
import type { HttpHandler } from "../ports/http.ts";
import type { Log } from "../ports/log.ts";
import { quietLog } from "./quiet.ts";

/** An authority with one serving certificate for localhost and one client certificate, valid for an hour. */
export interface TestIdentities {
  readonly ca: string;
  readonly serving: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

export async function createTestIdentities(now: number): Promise<TestIdentities> {
  const life = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
  const authority = await createAuthority(generateKeyPair(), { commonName: "test-ca", ...life });
  const issue = async (commonName: string, names: readonly string[], usage: string) => {
    const keys = generateKeyPair();
    const cert = await authority.issue(keys.publicKeyPem, {
      subject: { commonName, organizations: ["testers"] },
      names,
      usages: ["digital signature", usage],
      ...life,
    });
    return { cert, key: keys.privateKeyPem };
  };
  return {
    ca: authority.certificatePem,
    serving: await issue("localhost", ["localhost", "127.0.0.1"], "server auth"),
    client: await issue("tester", [], "client auth"),
  };
}

export interface HttpListener {
  readonly port: number;
  readonly server: HttpServer;
  /** Resolves when the server has stopped. */
  stop(): Promise<void>;
}

/** A real server on a free port of 127.0.0.1. */
export async function listenHttp(
  handler: HttpHandler,
  options: { readonly tls?: HttpServerTls; readonly limits?: HttpServerLimits; readonly log?: Log } = {},
): Promise<HttpListener> {
  const server = createHttpServer(
    { handler, log: options.log ?? quietLog() },
    {
      name: "test server",
      host: "127.0.0.1",
      port: 0,
      tls: options.tls,
      limits: { drainMilliseconds: 20, graceMilliseconds: 500, ...options.limits },
    },
  );
  const stopping = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    ended = server.run(stopping.signal, resolve);
    ended.catch(reject);
  });
  return {
    port: server.address().port,
    server,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
