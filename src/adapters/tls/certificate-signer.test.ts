import { describe, expect, it } from "vitest";
import { createAuthority } from "./certificate-authority.ts";
import { certificateFacts } from "./certificate-facts.ts";
import { createCertificateRequest } from "./certificate-request.ts";
import { createCertificateSigner } from "./certificate-signer.ts";
import { generateKeyPair } from "./key-pair.ts";
import { decodeFirstPem } from "./pem.ts";

const NOW = Date.UTC(2026, 3, 24);
const HOUR = 3600 * 1000;

async function signer(authorityHours = 100_000) {
  const authority = await createAuthority(generateKeyPair(), {
    commonName: "ca",
    notBefore: NOW - HOUR,
    notAfter: NOW + authorityHours * HOUR,
  });
  return createCertificateSigner({ authority, clock: { now: () => NOW } });
}

async function request(): Promise<string> {
  return await createCertificateRequest(generateKeyPair(), {
    subject: { commonName: "system:node:n1", organizations: ["system:nodes"] },
    names: ["n1", "fd00::1"],
  });
}

const never = new AbortController().signal;

describe("createCertificateSigner", () => {
  it("keeps subject and names and takes the usages of the order", async () => {
    const pem = await (await signer()).sign({ csrPem: await request(), usages: ["server auth", "signing"] }, never);
    expect(certificateFacts(decodeFirstPem(pem, "CERTIFICATE"))).toMatchObject({
      commonName: "system:node:n1",
      organizations: ["system:nodes"],
      dnsNames: ["n1"],
      ipAddresses: ["fd00::1"],
      extendedKeyUsages: ["1.3.6.1.5.5.7.3.1"],
      isAuthority: false,
    });
  });

  it.each([
    { asked: undefined, hours: 365 * 24 - 1 / 12 },
    { asked: 3600, hours: 1 },
    { asked: 1, hours: 1 / 6 },
    { asked: 9 * 3600, hours: 9 - 1 / 12 },
    { asked: 1_000_000_000, hours: 365 * 24 - 1 / 12 },
  ])("gives $hours hours when $asked seconds are asked for", async ({ asked, hours }) => {
    const order = { csrPem: await request(), usages: ["client auth"] };
    const pem = await (await signer()).sign(
      { ...order, ...(asked !== undefined && { expirationSeconds: asked }) },
      never,
    );
    const { notAfter } = certificateFacts(decodeFirstPem(pem, "CERTIFICATE"));
    expect(Math.round((notAfter - NOW) / 60_000)).toBe(Math.round(hours * 60));
  });

  it("never outlives its authority", async () => {
    const pem = await (await signer(2)).sign({ csrPem: await request(), usages: ["client auth"] }, never);
    expect(certificateFacts(decodeFirstPem(pem, "CERTIFICATE")).notAfter).toBe(NOW + 2 * HOUR);
  });

  it("refuses unknown usages and what is no request", async () => {
    const one = await signer();
    await expect(one.sign({ csrPem: await request(), usages: ["flying"] }, never)).rejects.toThrow(
      'unrecognized usage values: ["flying"]',
    );
    await expect(one.inspect("hello")).rejects.toMatchObject({ code: "Invalid" });
  });
});
