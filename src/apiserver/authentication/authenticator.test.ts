import { describe, expect, it } from "vitest";
import { createAuthority } from "../../adapters/tls/certificate-authority.ts";
import { createClientCertificateVerifier } from "../../adapters/tls/client-certificate-verifier.ts";
import { generateKeyPair } from "../../adapters/tls/key-pair.ts";
import { decodeFirstPem } from "../../adapters/tls/pem.ts";
import type { HttpRequest } from "../../ports/http.ts";
import type { Log } from "../../ports/log.ts";
import { createAuthenticator } from "./authenticator.ts";
import type { TokenAuthenticator } from "./token-authenticator.ts";

const NOW = Date.UTC(2026, 3, 24);

const tokens: TokenAuthenticator = async (token) => {
  if (token === "away") throw new Error("the store is away");
  if (token === "old") return { type: "refused", reason: "service account token has expired" };
  return token === "good"
    ? { type: "authenticated", user: { name: "robot", groups: ["robots"], extra: {} }, audiences: ["api"] }
    : { type: "not-ours" };
};

async function setUp(options: { readonly certificates: boolean } = { certificates: true }) {
  const authority = await createAuthority(generateKeyPair(), {
    commonName: "ca",
    notBefore: NOW - 1000,
    notAfter: NOW + 1e9,
  });
  const logged: unknown[] = [];
  const log: Log = {
    debug() {},
    info: (message, fields) => logged.push([message, fields]),
    warn() {},
    error() {},
    with: () => log,
  };
  const authenticate = createAuthenticator({
    clock: { now: () => NOW },
    log,
    tokens: [tokens],
    ...(options.certificates && { clientCertificates: createClientCertificateVerifier(authority.certificatePem) }),
  });
  const certificate = async (commonName: string, uid?: string): Promise<Uint8Array> => {
    const pem = await authority.issue(generateKeyPair().publicKeyPem, {
      subject: { commonName, organizations: ["ops"], ...(uid !== undefined && { uid }) },
      usages: ["client auth"],
      notBefore: NOW - 1000,
      notAfter: NOW + 1000,
    });
    return decodeFirstPem(pem, "CERTIFICATE");
  };
  return { authenticate, certificate, logged };
}

function request(token?: string, ...certificates: Uint8Array[]): HttpRequest {
  return {
    method: "GET",
    target: "/",
    path: "/",
    query: new URLSearchParams(),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    httpVersion: "2.0",
    peer: { address: "10.0.0.9", port: 1, certificates, encrypted: true },
    signal: new AbortController().signal,
    body: async () => new Uint8Array(),
  };
}

describe("createAuthenticator", () => {
  it("knows the owner of a client certificate", async () => {
    const { authenticate, certificate } = await setUp();
    expect(await authenticate(request(undefined, await certificate("jane", "u-1")))).toEqual({
      name: "jane",
      uid: "u-1",
      groups: ["ops", "system:authenticated"],
      extra: { "authentication.kubernetes.io/credential-id": [expect.stringMatching(/^X509SHA256=[0-9a-f]{64}$/)] },
    });
  });

  it("knows the owner of a token, also beside a certificate that does not hold", async () => {
    const { authenticate } = await setUp();
    const foreign = await (await setUp()).certificate("mallory");
    expect(await authenticate(request("good", foreign))).toMatchObject({
      name: "robot",
      groups: ["robots", "system:authenticated"],
    });
  });

  it.each(["bad", "old", "away"])("refuses the token %j instead of taking its bearer for nobody", async (token) => {
    const { authenticate, logged } = await setUp();
    await expect(authenticate(request(token))).rejects.toMatchObject({ code: 401, message: "Unauthorized" });
    expect(JSON.stringify(logged)).not.toContain(`"${token}"`);
  });

  it("refuses certificates of others", async () => {
    const { authenticate } = await setUp();
    const foreign = await (await setUp()).certificate("mallory");
    await expect(authenticate(request(undefined, foreign))).rejects.toMatchObject({ code: 401 });
  });

  it("leaves it open who shows nothing, or a certificate that names nobody", async () => {
    const { authenticate, certificate } = await setUp();
    expect(await authenticate(request())).toBeUndefined();
    expect(await authenticate(request(undefined, await certificate("")))).toBeUndefined();
    const none = await setUp({ certificates: false });
    expect(await none.authenticate(request(undefined, await certificate("jane")))).toBeUndefined();
  });
});
