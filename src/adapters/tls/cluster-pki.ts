import { createPublicKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { OrlopError } from "../../lib/orlop-error.ts";
import { canonicalAddress, certificateFacts } from "./certificate-facts.ts";
import {
  type CertificateAuthority,
  type CertificateTemplate,
  createAuthority,
  loadAuthority,
} from "./certificate-authority.ts";
import { generateKeyPair, type KeyPair, readKeyPair } from "./key-pair.ts";
import { decodeFirstPem } from "./pem.ts";
import { readTextFile, writeSecretFile } from "./pem-files.ts";

const DAY = 24 * 3600 * 1000;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 365;
/** Clocks of machines differ a little; a fresh certificate must not look like one from the future. */
const BACKDATE = 5 * 60 * 1000;

export interface ClusterPkiOptions {
  /** Usually DIR/pki. Created with mode 0700. */
  readonly directory: string;
  readonly nodeName: string;
  /** DNS names and IP addresses by which clients reach the API server, beside the usual ones. */
  readonly apiServerNames: readonly string[];
  /** DNS names and IP addresses of the node; the kubelet serves under them. */
  readonly nodeAddresses: readonly string[];
  /** First address of the service range: the cluster IP of "kubernetes". */
  readonly serviceAddress: string;
  /** @default "cluster.local" */
  readonly clusterDomain?: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Certificates with less time left are renewed. @default a fifth of a year */
  readonly renewBeforeMs?: number;
}

/** A certificate with its key, as text and where it lies. */
export interface Identity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly certificatePath: string;
  readonly privateKeyPath: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** Everything that has a key in a one-machine cluster. */
export interface ClusterPki {
  readonly authority: CertificateAuthority;
  readonly authorityPath: string;
  readonly authorityPem: string;
  /** Serving certificate of the API server. */
  readonly apiServer: Identity;
  /** How the API server shows itself to kubelets; bound to system:kubelet-api-admin. */
  readonly apiServerKubeletClient: Identity;
  /** User kubernetes-admin in group kubeadm:cluster-admins, which the bootstrap policy binds to cluster-admin. */
  readonly admin: Identity;
  /** Client certificate system:node:NAME of the node agent. */
  readonly kubelet: Identity;
  /** Serving certificate of the node agent. */
  readonly kubeletServing: Identity;
  readonly controllerManager: Identity;
  readonly scheduler: Identity;
  /** Signs ServiceAccount tokens. */
  readonly serviceAccountKeys: KeyPair;
  /** Names of what was created or renewed by this call, for the log. */
  readonly changed: readonly string[];
}

interface Wanted {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly names?: readonly string[];
  readonly usages: CertificateTemplate["usages"];
}

function wantedIdentities(options: ClusterPkiOptions): Readonly<Record<string, Wanted>> {
  const domain = options.clusterDomain ?? "cluster.local";
  const client = (commonName: string, ...organizations: string[]): Wanted => ({
    commonName,
    organizations,
    usages: ["digital signature", "client auth"],
  });
  const serviceNames = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    `kubernetes.default.svc.${domain}`,
  ];
  const local = ["localhost", "127.0.0.1", "::1"];
  return {
    apiserver: {
      commonName: "kube-apiserver",
      names: [...serviceNames, options.serviceAddress, options.nodeName, ...options.apiServerNames, ...local],
      usages: ["digital signature", "server auth"],
    },
    "apiserver-kubelet-client": client("kube-apiserver-kubelet-client"),
    admin: client("kubernetes-admin", "kubeadm:cluster-admins"),
    "controller-manager": client("system:kube-controller-manager"),
    scheduler: client("system:kube-scheduler"),
    kubelet: client(`system:node:${options.nodeName}`, "system:nodes"),
    "kubelet-serving": {
      commonName: `system:node:${options.nodeName}`,
      organizations: ["system:nodes"],
      names: [options.nodeName, ...options.nodeAddresses, ...local],
      usages: ["digital signature", "server auth"],
    },
  };
}

/**
 * Makes the folder hold all certificates and keys of a cluster: creates what is missing, renews what runs out soon or
 * carries other names than asked for, leaves the rest. Safe to repeat and to interrupt. Keys never leave the folder.
 * Throws OrlopError Invalid when files there can not be used; they are never overwritten then.
 */
export async function ensureClusterPki(options: ClusterPkiOptions): Promise<ClusterPki> {
  const changed: string[] = [];
  const authorityPath = join(options.directory, "ca.crt");
  const authority = await ensureAuthority(options, authorityPath, changed);
  const identities: Record<string, Identity> = {};
  for (const [name, wanted] of Object.entries(wantedIdentities(options))) {
    identities[name] = await ensureIdentity(options, name, wanted, authority, changed);
  }
  const identity = (name: string): Identity => {
    const found = identities[name];
    if (found === undefined) throw new OrlopError("Internal", `No identity is called ${name}`);
    return found;
  };
  return {
    authority,
    authorityPath,
    authorityPem: authority.certificatePem,
    apiServer: identity("apiserver"),
    apiServerKubeletClient: identity("apiserver-kubelet-client"),
    admin: identity("admin"),
    kubelet: identity("kubelet"),
    kubeletServing: identity("kubelet-serving"),
    controllerManager: identity("controller-manager"),
    scheduler: identity("scheduler"),
    serviceAccountKeys: await ensureServiceAccountKeys(options, changed),
    changed,
  };
}

async function ensureAuthority(
  options: ClusterPkiOptions,
  path: string,
  changed: string[],
): Promise<CertificateAuthority> {
  const keyPath = join(options.directory, "ca.key");
  const certificatePem = await readTextFile(path);
  const privateKeyPem = await readTextFile(keyPath);
  if (certificatePem !== undefined && privateKeyPem !== undefined) {
    return await loadAuthority(certificatePem, privateKeyPem);
  }
  if (certificatePem !== undefined) {
    throw new OrlopError(
      "Invalid",
      `Cannot use ${path}: its key ${keyPath} is missing; restore it or move the folder away`,
    );
  }
  const keys = privateKeyPem === undefined ? generateKeyPair() : readKeyPair(privateKeyPem);
  const authority = await createAuthority(keys, {
    commonName: "kubernetes",
    notBefore: options.now - BACKDATE,
    notAfter: options.now + AUTHORITY_DAYS * DAY,
  });
  // The key first: after a crash in between, the next start makes the certificate from it.
  await writeSecretFile(keyPath, keys.privateKeyPem);
  await writeSecretFile(path, authority.certificatePem);
  changed.push("ca");
  return authority;
}

async function ensureIdentity(
  options: ClusterPkiOptions,
  name: string,
  wanted: Wanted,
  authority: CertificateAuthority,
  changed: string[],
): Promise<Identity> {
  const certificatePath = join(options.directory, `${name}.crt`);
  const privateKeyPath = join(options.directory, `${name}.key`);
  const paths = { certificatePath, privateKeyPath };
  const names = [...new Set((wanted.names ?? []).map(canonicalAddress))];
  const certificatePem = await readTextFile(certificatePath);
  const privateKeyPem = await readTextFile(privateKeyPath);
  if (certificatePem !== undefined && privateKeyPem !== undefined) {
    const notAfter = stillGood(options, { ...wanted, names }, authority, certificatePem, privateKeyPem);
    if (notAfter !== undefined) return { certificatePem, privateKeyPem, ...paths, notAfter };
  }
  const keys = generateKeyPair();
  const issued = await authority.issue(keys.publicKeyPem, {
    subject: {
      commonName: wanted.commonName,
      ...(wanted.organizations !== undefined && { organizations: wanted.organizations }),
    },
    names,
    usages: wanted.usages,
    notBefore: options.now - BACKDATE,
    notAfter: options.now + LEAF_DAYS * DAY,
  });
  // A key without its certificate is found not to match at the next start, and both are made anew.
  await writeSecretFile(privateKeyPath, keys.privateKeyPem);
  await writeSecretFile(certificatePath, issued);
  changed.push(name);
  const { notAfter } = certificateFacts(decodeFirstPem(issued, "CERTIFICATE"));
  return { certificatePem: issued, privateKeyPem: keys.privateKeyPem, ...paths, notAfter };
}

/** The end of the certificate's life when it can stay in use, else undefined. */
function stillGood(
  options: ClusterPkiOptions,
  wanted: Wanted,
  authority: CertificateAuthority,
  certificatePem: string,
  privateKeyPem: string,
): number | undefined {
  try {
    const der = decodeFirstPem(certificatePem, "CERTIFICATE");
    const facts = certificateFacts(der);
    const certificate = new X509Certificate(der);
    const issuer = new X509Certificate(decodeFirstPem(authority.certificatePem, "CERTIFICATE"));
    const ownKey = createPublicKey(readKeyPair(privateKeyPem).publicKeyPem);
    const good =
      facts.notBefore <= options.now &&
      facts.notAfter - options.now > (options.renewBeforeMs ?? (LEAF_DAYS / 5) * DAY) &&
      facts.commonName === wanted.commonName &&
      sameSet(facts.organizations, wanted.organizations ?? []) &&
      sameSet([...facts.dnsNames, ...facts.ipAddresses], wanted.names ?? []) &&
      certificate.publicKey.equals(ownKey) &&
      certificate.verify(issuer.publicKey);
    return good ? facts.notAfter : undefined;
  } catch {
    return undefined;
  }
}

function sameSet(left: readonly string[], right: readonly string[]): boolean {
  const wanted = new Set(right);
  return new Set(left).size === wanted.size && left.every((item) => wanted.has(item));
}

async function ensureServiceAccountKeys(options: ClusterPkiOptions, changed: string[]): Promise<KeyPair> {
  const path = join(options.directory, "sa.key");
  const existing = await readTextFile(path);
  if (existing !== undefined) return readKeyPair(existing);
  const keys = generateKeyPair();
  await writeSecretFile(path, keys.privateKeyPem);
  await writeSecretFile(join(options.directory, "sa.pub"), keys.publicKeyPem);
  changed.push("sa");
  return keys;
}
