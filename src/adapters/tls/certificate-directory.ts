import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, symlink, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CertificateStore } from "../../ports/certificate-keys.ts";
import { readTextFile, writeSecretFile } from "./pem-files.ts";

export interface CertificateDirectoryOptions {
  /** e.g. "/var/lib/kubelet/pki" */
  readonly directory: string;
  /** "kubelet-client" or "kubelet-server": files are NAME-TIME.pem, and NAME-current.pem leads to the newest. */
  readonly name: string;
}

/** Old certificates that stay, for a look back. */
const KEPT = 3;
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[^-]+-----END \1PRIVATE KEY-----\n?/;

/** The path others may name: certificate and key in one file. */
export function currentCertificatePath({ directory, name }: CertificateDirectoryOptions): string {
  return join(directory, `${name}-current.pem`);
}

/** Certificates as upstream's kubelet keeps them, so that either can take over the other's directory. */
export function createCertificateDirectory(
  deps: { readonly clock: Pick<Clock, "now"> },
  options: CertificateDirectoryOptions,
): CertificateStore {
  const { directory, name } = options;
  const current = currentCertificatePath(options);
  return {
    async load() {
      const text = await readTextFile(current);
      if (text === undefined) return undefined;
      const certificatePem = (text.match(CERTIFICATES) ?? []).join("");
      const privateKeyPem = PRIVATE_KEY.exec(text)?.[0] ?? "";
      return certificatePem === "" || privateKeyPem === "" ? undefined : { certificatePem, privateKeyPem };
    },
    async save({ certificatePem, privateKeyPem }) {
      const stamp = new Date(deps.clock.now()).toISOString().slice(0, 19).replaceAll(":", "-").replace("T", "-");
      const file = `${name}-${stamp}.pem`;
      await writeSecretFile(join(directory, file), `${ended(certificatePem)}${ended(privateKeyPem)}`);
      await pointTo(current, file);
      await removeOld(directory, name, file);
    },
  };
}

function ended(pem: string): string {
  return pem.endsWith("\n") ? pem : `${pem}\n`;
}

/** Replaces the link in one step: readers always find a certificate. */
async function pointTo(link: string, target: string): Promise<void> {
  const temporary = `${link}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await mkdir(dirname(link), { recursive: true, mode: 0o700 });
    await symlink(target, temporary);
    await rename(temporary, link);
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    throw new OrlopError("Unavailable", `Cannot link ${link} to ${target}: ${messageOf(cause)}`, { cause });
  }
}

async function removeOld(directory: string, name: string, newest: string): Promise<void> {
  const own = (await readdir(directory).catch(() => [])).filter(
    (file) => file.startsWith(`${name}-`) && /-\d{4}(-\d\d){5}\.pem$/.test(file) && file !== newest,
  );
  for (const file of own.sort().slice(0, -KEPT)) await unlink(join(directory, file)).catch(() => undefined);
}
