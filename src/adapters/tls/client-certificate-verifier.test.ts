import { describe, expect, it } from "vitest";
import { createAuthority, type CertificateTemplate } from "./certificate-authority.ts";
import { createCertificateRequest, parseCertificateRequest } from "./certificate-request.ts";
import { createClientCertificateVerifier } from "./client-certificate-verifier.ts";
import { generateKeyPair } from "./key-pair.ts";
import { decodeFirstPem } from "./pem.ts";

const NOW = Date.UTC(2026, 3, 24);
const HOUR = 3600 * 1000;

async function authority(commonName = "ca") {
  return await createAuthority(generateKeyPair(), { commonName, notBefore: NOW - HOUR, notAfter: NOW + 1000 * HOUR });
}

function template(change: Partial<CertificateTemplate> = {}): CertificateTemplate {
  return {
    subject: { commonName: "jane", organizations: ["dev", "ops"], uid: "u-1" },
    usages: ["digital signature", "client auth"],
    notBefore: NOW - HOUR,
    notAfter: NOW + HOUR,
    ...change,
  };
}

async function leaf(ca: Awaited<ReturnType<typeof authority>>, change: Partial<CertificateTemplate> = {}) {
  return decodeFirstPem(await ca.issue(generateKeyPair().publicKeyPem, template(change)), "CERTIFICATE");
}

describe("createClientCertificateVerifier", () => {
  it("accepts a client certificate of a trusted authority and tells who it is", async () => {
    const ca = await authority();
    const verifier = createClientCertificateVerifier(ca.certificatePem);
    expect(verifier.verify([await leaf(ca)], NOW)).toMatchObject({
      ok: true,
      value: { commonName: "jane", organizations: ["dev", "ops"], uids: ["u-1"] },
    });
  });

  it("refuses another authority with the same name", async () => {
    const verifier = createClientCertificateVerifier((await authority()).certificatePem);
    expect(verifier.verify([await leaf(await authority())], NOW)).toEqual({
      ok: false,
      reason: "certificate signed by unknown authority",
    });
  });

  it("refuses what is out of time", async () => {
    const ca = await authority();
    const verifier = createClientCertificateVerifier(ca.certificatePem);
    const der = await leaf(ca);
    expect(verifier.verify([der], NOW + 2 * HOUR)).toEqual({ ok: false, reason: "certificate has expired" });
    expect(verifier.verify([der], NOW - 2 * HOUR)).toEqual({ ok: false, reason: "certificate is not yet valid" });
  });

  it("refuses in the end what it accepted before", async () => {
    const ca = await authority();
    const verifier = createClientCertificateVerifier(ca.certificatePem);
    const der = await leaf(ca);
    expect(verifier.verify([der], NOW)).toEqual(verifier.verify([der], NOW + 1));
    expect(verifier.verify([der], NOW + 2 * HOUR)).toEqual({ ok: false, reason: "certificate has expired" });
    expect(verifier.verify([der, der], NOW).ok).toBe(true);
  });

  it("refuses a serving certificate", async () => {
    const ca = await authority();
    const verifier = createClientCertificateVerifier(ca.certificatePem);
    expect(verifier.verify([await leaf(ca, { usages: ["digital signature", "server auth"] })], NOW)).toEqual({
      ok: false,
      reason: "certificate specifies an incompatible key usage",
    });
  });

  it("refuses a certificate issued with a leaf's key", async () => {
    const ca = await authority();
    const verifier = createClientCertificateVerifier(ca.certificatePem);
    // A chain whose middle link is no authority: signed by somebody who merely holds a client certificate.
    const middle = await authority("jane");
    expect(verifier.verify([await leaf(middle), await leaf(ca)], NOW).ok).toBe(false);
  });

  it("refuses garbage and nothing at all", async () => {
    const verifier = createClientCertificateVerifier((await authority()).certificatePem);
    expect(verifier.verify([new Uint8Array([1, 2, 3])], NOW).ok).toBe(false);
    expect(verifier.verify([], NOW)).toEqual({ ok: false, reason: "no certificate was sent" });
  });

  it("trusts any authority of a bundle of several", async () => {
    const [old, current] = [await authority("old"), await authority("new")];
    const verifier = createClientCertificateVerifier(`${old.certificatePem}${current.certificatePem}`);
    expect(verifier.verify([await leaf(old)], NOW).ok).toBe(true);
    expect(verifier.verify([await leaf(current)], NOW).ok).toBe(true);
  });
});

describe("certificate requests", () => {
  it("survive the way through PEM", async () => {
    const keys = generateKeyPair();
    const pem = await createCertificateRequest(keys, {
      subject: { commonName: "system:node:n1", organizations: ["system:nodes"] },
      names: ["n1", "10.0.0.1"],
    });
    expect(await parseCertificateRequest(pem)).toMatchObject({
      commonName: "system:node:n1",
      organizations: ["system:nodes"],
      dnsNames: ["n1"],
      ipAddresses: ["10.0.0.1"],
      keyType: "ec",
      publicKeyPem: keys.publicKeyPem,
    });
  });

  it("are refused when the signature does not fit", async () => {
    const pem = await createCertificateRequest(generateKeyPair(), { subject: { commonName: "x" } });
    const der = decodeFirstPem(pem, "CERTIFICATE REQUEST").slice();
    der[der.length - 5] = (der[der.length - 5] ?? 0) ^ 1;
    const broken = `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE REQUEST-----`;
    await expect(parseCertificateRequest(broken)).rejects.toThrow(/Cannot use the certificate request/);
  });
});
