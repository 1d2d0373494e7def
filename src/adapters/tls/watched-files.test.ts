import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { X509Certificate } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Log } from "../../ports/log.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { createAuthority } from "./certificate-authority.ts";
import { generateKeyPair } from "./key-pair.ts";
import { decodeFirstPem } from "./pem.ts";
import { ensureSelfSignedServing } from "./self-signed-serving.ts";
import { openClientCaFile } from "./watched-files.ts";

const NOW = Date.UTC(2026, 3, 24);
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "orlop-tls-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function authority() {
  const life = { notBefore: NOW - 1000, notAfter: NOW + 1e9 };
  const made = await createAuthority(generateKeyPair(), { commonName: "ca", ...life });
  const leaf = await made.issue(generateKeyPair().publicKeyPem, {
    subject: { commonName: "jane" },
    usages: ["client auth"],
    ...life,
  });
  return { pem: made.certificatePem, leaf: decodeFirstPem(leaf, "CERTIFICATE") };
}

describe("openClientCaFile", () => {
  it("follows the file, and keeps the old authority while the new file is no good", async () => {
    const [old, current] = [await authority(), await authority()];
    const path = join(directory, "ca.crt");
    await writeFile(path, old.pem);
    const clock = createFakeClock(NOW);
    const said: string[] = [];
    const note = (text: string): void => {
      said.push(text);
    };
    const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log };
    const file = await openClientCaFile({ clock, log }, path);
    const stop = new AbortController();
    const running = file.run(stop.signal);
    const trusts = (leaf: Uint8Array): boolean => file.verifier().verify([leaf], NOW).ok;
    const look = async (): Promise<void> => {
      const before = said.length;
      await clock.untilSleepers(1);
      await clock.advance(10_000);
      await expect.poll(() => said.length).toBeGreaterThan(before);
    };

    expect([trusts(old.leaf), trusts(current.leaf)]).toEqual([true, false]);
    await writeFile(path, "nonsense");
    await look();
    expect([trusts(old.leaf), trusts(current.leaf)]).toEqual([true, false]);
    await writeFile(path, current.pem);
    await look();
    expect([trusts(old.leaf), trusts(current.leaf)]).toEqual([false, true]);
    expect(said).toEqual(["Cannot use changed files, keeping what was there", "Loaded changed files"]);
    stop.abort();
    await running;
  });

  it("needs the file to begin with", async () => {
    const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => quiet };
    const deps = { clock: createFakeClock(NOW), log: quiet };
    await expect(openClientCaFile(deps, join(directory, "none"))).rejects.toThrow("there is no such file");
    await writeFile(join(directory, "empty"), "");
    await expect(openClientCaFile(deps, join(directory, "empty"))).rejects.toThrow("Cannot find a certificate");
  });
});

describe("ensureSelfSignedServing", () => {
  it("makes a certificate for the host once, and anew when it has run out", async () => {
    const options = { directory, hostName: "node-1", addresses: ["10.0.0.1"], now: NOW };
    const first = await ensureSelfSignedServing(options);
    const leaf = new X509Certificate(first.certificatePem);
    expect(leaf.checkHost("node-1")).toBe("node-1");
    expect(leaf.checkIP("10.0.0.1")).toBe("10.0.0.1");
    expect(first.certificatePem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(await ensureSelfSignedServing(options)).toEqual(first);
    const later = await ensureSelfSignedServing({ ...options, now: first.notAfter + 1 });
    expect(later.certificatePem).not.toBe(first.certificatePem);
  });
});
