import { describe, expect, it } from "vitest";
import type { CertificateFacts, ClientCertificateVerifier } from "../../ports/client-certificates.ts";
import type { HttpRequest } from "../../ports/http.ts";
import { plainRequest } from "../../testing/plain-request.ts";
import { createKubeletAuthenticator } from "./authenticator.ts";

const facts: CertificateFacts = {
  commonName: "node-admin",
  organizations: ["ops"],
  uids: [],
  dnsNames: [],
  ipAddresses: [],
  uris: [],
  emails: [],
  extendedKeyUsages: [],
  isAuthority: false,
  notBefore: 0,
  notAfter: 0,
  serialNumber: "1",
  sha256: "ab",
};

const trusting: ClientCertificateVerifier = {
  verify: ([first]) => (first?.[0] === 1 ? { ok: true, value: facts } : { ok: false, reason: "unknown authority" }),
};

const GOOD = new Uint8Array([1]);
const BAD = new Uint8Array([2]);

function request(headers: HttpRequest["headers"], certificates: readonly Uint8Array[] = []): HttpRequest {
  return plainRequest("/", headers, { peer: { address: "10.0.0.9", port: 1, certificates, encrypted: true } });
}

function authenticator(anonymous = false) {
  return createKubeletAuthenticator(
    {
      clock: { now: () => 0 },
      clientCertificates: () => trusting,
      reviewToken: async (token) => {
        if (token === "broken") throw new Error("away");
        return token === "good"
          ? { type: "known", user: { name: "jane", groups: [], extra: {} } }
          : { type: "unknown" };
      },
    },
    { anonymous, readUidFromCertificates: true },
  );
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe("createKubeletAuthenticator", () => {
  it("prefers the certificate and adds the group of all who are known", async () => {
    expect(await authenticator()(request(bearer("good"), [GOOD]))).toEqual({
      type: "user",
      user: {
        name: "node-admin",
        groups: ["ops", "system:authenticated"],
        extra: { "authentication.kubernetes.io/credential-id": ["X509SHA256=ab"] },
      },
    });
  });

  it("goes on to the token after a certificate that does not hold", async () => {
    expect(await authenticator()(request(bearer("good"), [BAD]))).toMatchObject({ user: { name: "jane" } });
  });

  it("takes a WebSocket token", async () => {
    const headers = {
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-protocol": `v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.${btoa("good").replaceAll("=", "")}`,
    };
    expect(await authenticator()(request(headers))).toMatchObject({ user: { name: "jane" } });
  });

  it("is anonymous only for those who show nothing", async () => {
    expect(await authenticator(true)(request({}))).toEqual({
      type: "user",
      user: { name: "system:anonymous", groups: ["system:unauthenticated"], extra: {} },
    });
    expect((await authenticator(true)(request(bearer("bad")))).type).toBe("refused");
    expect((await authenticator(true)(request({}, [BAD]))).type).toBe("refused");
    expect((await authenticator(true)(request(bearer("broken")))).type).toBe("refused");
    expect((await authenticator(false)(request({}))).type).toBe("refused");
  });

  it("does not read certificates of plain connections", async () => {
    const plain = request({}, [GOOD]);
    const unencrypted = { ...plain, peer: { ...plain.peer, encrypted: false } };
    expect((await authenticator()(unencrypted)).type).toBe("refused");
  });

  it("collects what was wrong", async () => {
    expect(await authenticator()(request(bearer("bad"), [BAD]))).toEqual({
      type: "refused",
      problems: ["x509: unknown authority", "invalid bearer token"],
    });
  });

  it("refuses to start with no way in", () => {
    expect(() =>
      createKubeletAuthenticator({ clock: { now: () => 0 } }, { anonymous: false, readUidFromCertificates: true }),
    ).toThrow("no authentication method configured");
  });
});
