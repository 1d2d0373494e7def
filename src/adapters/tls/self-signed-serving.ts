import { join } from "node:path";
import { createAuthority } from "./certificate-authority.ts";
import { certificateFacts } from "./certificate-facts.ts";
import type { Identity } from "./cluster-pki.ts";
import { generateKeyPair } from "./key-pair.ts";
import { decodeFirstPem } from "./pem.ts";
import { readTextFile, writeSecretFile } from "./pem-files.ts";

const LIFETIME = 365 * 24 * 3600 * 1000;
const BACKDATE = 3600 * 1000;

export interface SelfSignedServingOptions {
  /** The kubelet's certificate directory. */
  readonly directory: string;
  readonly hostName: string;
  /** DNS names and IP addresses beside the host name. */
  readonly addresses: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * The serving certificate of a kubelet that was given none: kubelet.crt and kubelet.key, signed by a throw-away
 * authority that is part of the file. Made once; made anew only when it has run out or can not be read.
 */
export async function ensureSelfSignedServing(options: SelfSignedServingOptions): Promise<Identity> {
  const certificatePath = join(options.directory, "kubelet.crt");
  const privateKeyPath = join(options.directory, "kubelet.key");
  const certificatePem = await readTextFile(certificatePath);
  const privateKeyPem = await readTextFile(privateKeyPath);
  const notAfter = certificatePem === undefined ? 0 : endOf(certificatePem);
  if (certificatePem !== undefined && privateKeyPem !== undefined && notAfter > options.now) {
    return { certificatePem, privateKeyPem, certificatePath, privateKeyPath, notAfter };
  }
  return await make(options, certificatePath, privateKeyPath);
}

function endOf(certificatePem: string): number {
  try {
    return certificateFacts(decodeFirstPem(certificatePem, "CERTIFICATE")).notAfter;
  } catch {
    return 0;
  }
}

async function make(
  { hostName, addresses, now }: SelfSignedServingOptions,
  certificatePath: string,
  privateKeyPath: string,
): Promise<Identity> {
  const name = `${hostName}@${Math.floor(now / 1000)}`;
  const life = { notBefore: now - BACKDATE, notAfter: now + LIFETIME };
  const authority = await createAuthority(generateKeyPair(), {
    commonName: `${hostName}-ca@${Math.floor(now / 1000)}`,
    ...life,
  });
  const keys = generateKeyPair();
  const leaf = await authority.issue(keys.publicKeyPem, {
    subject: { commonName: name },
    names: [...new Set([hostName, ...addresses])],
    usages: ["digital signature", "server auth"],
    ...life,
  });
  const certificatePem = `${leaf}${authority.certificatePem}`;
  await writeSecretFile(privateKeyPath, keys.privateKeyPem);
  await writeSecretFile(certificatePath, certificatePem);
  return {
    certificatePem,
    privateKeyPem: keys.privateKeyPem,
    certificatePath,
    privateKeyPath,
    notAfter: life.notAfter,
  };
}
