import { readFile } from "node:fs/promises";
import { stringify } from "yaml";
import type { ClusterConnection, Material } from "../adapters/cluster/connection.ts";
import { loadKubeconfig } from "../adapters/cluster/kubeconfig.ts";
import { type ClosableTransport, createClusterTransport } from "../adapters/cluster/transport.ts";
import { createCertificateDirectory, currentCertificatePath } from "../adapters/tls/certificate-directory.ts";
import { createCertificateKeys } from "../adapters/tls/certificate-keys.ts";
import { replaceFile } from "../adapters/files/replace-file.ts";
import { ORLOP_VERSION } from "../api/version.ts";
import { UsageError } from "../cli/usage-error.ts";
import { type CertificateRotation, createCertificateRotation } from "../kubelet/certificates/certificate-rotation.ts";
import { requestCertificate } from "../kubelet/certificates/request-certificate.ts";
import { messageOf } from "../lib/orlop-error.ts";
import { backoffDelay } from "../machinery/backoff.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import type { CertificateSubject } from "../ports/certificate-keys.ts";
import type { SystemDeps } from "./system.ts";

const SIGNER = "kubernetes.io/kube-apiserver-client-kubelet";
const USAGES = ["digital signature", "client auth"];
const RETRY = { initialMs: 2_000, maximumMs: 60_000 } as const;

export interface KubeletConnectionOptions {
  readonly kubeconfig: string | undefined;
  readonly bootstrapKubeconfig: string | undefined;
  readonly certDir: string;
  readonly nodeName: string;
  /** rotateCertificates of the configuration. */
  readonly rotate: boolean;
}

export interface KubeletConnection {
  readonly transport: ClosableTransport;
  /** Present when the client certificate is renewed. */
  readonly rotation?: CertificateRotation;
}

/**
 * The kubelet's way to its API server. Without a usable --kubeconfig it first asks for a client certificate with
 * --bootstrap-kubeconfig, waits for the approval and writes the kubeconfig. Throws UsageError or OrlopError Invalid that
 * name the file that can not be used.
 */
export async function connectKubelet(
  deps: SystemDeps,
  options: KubeletConnectionOptions,
  signal: AbortSignal,
): Promise<KubeletConnection> {
  const { kubeconfig, bootstrapKubeconfig } = options;
  if (kubeconfig === undefined) {
    throw new UsageError(
      "--kubeconfig is missing: the kubelet needs an API server (running static pods alone is not supported)",
    );
  }
  if (bootstrapKubeconfig !== undefined && !(await isUsable(deps, kubeconfig))) {
    await bootstrap(deps, { ...options, kubeconfig, bootstrapKubeconfig }, signal);
  }
  const connection = await loadKubeconfig(kubeconfig);
  if (!options.rotate) return { transport: createClusterTransport(connection, deps) };
  return await rotated(deps, options, connection);
}

function subjectOf(nodeName: string): CertificateSubject {
  return { commonName: `system:node:${nodeName}`, organizations: ["system:nodes"], dnsNames: [], ipAddresses: [] };
}

/** Whether a kubeconfig is there whose client certificate, if it has one, is still valid. */
async function isUsable({ clock }: SystemDeps, path: string): Promise<boolean> {
  if ((await readFile(path).catch(() => undefined)) === undefined) return false;
  const { clientCertificate, clientKey } = await loadKubeconfig(path);
  if (clientCertificate === undefined || clientKey === undefined) return true;
  try {
    const pair = { certificatePem: await textOf(clientCertificate), privateKeyPem: await textOf(clientKey) };
    return createCertificateKeys().read(pair).notAfter > clock.now();
  } catch {
    return false;
  }
}

async function textOf(material: Material): Promise<string> {
  return "text" in material ? material.text : readFile(material.file, "utf8");
}

function storeOf(deps: SystemDeps, { certDir }: KubeletConnectionOptions) {
  const place = { directory: certDir, name: "kubelet-client" };
  return { store: createCertificateDirectory(deps, place), path: currentCertificatePath(place) };
}

async function bootstrap(
  deps: SystemDeps,
  options: KubeletConnectionOptions & { readonly kubeconfig: string; readonly bootstrapKubeconfig: string },
  signal: AbortSignal,
): Promise<void> {
  const { kubeconfig, bootstrapKubeconfig, nodeName } = options;
  const connection = await loadKubeconfig(bootstrapKubeconfig);
  const transport = createClusterTransport(connection, deps);
  const keys = createCertificateKeys();
  const client = createClusterClient({ transport, userAgent: `orlop-kubelet-bootstrap/${ORLOP_VERSION}` });
  const { store, path } = storeOf(deps, options);
  deps.log.info("asking for a client certificate", { signer: SIGNER, kubeconfig: bootstrapKubeconfig });
  try {
    for (let failures = 1; ; failures++) {
      try {
        const kind = { signerName: SIGNER, usages: USAGES, subject: subjectOf(nodeName) };
        await store.save(await requestCertificate({ ...deps, client, keys }, kind, signal));
        break;
      } catch (reason) {
        signal.throwIfAborted();
        deps.log.warn("could not get a client certificate, trying again", { reason: messageOf(reason) });
        await deps.clock.sleep(backoffDelay(failures, RETRY, deps.random), signal);
      }
    }
  } finally {
    await transport.close();
  }
  await writeKubeconfig(kubeconfig, connection, path);
  deps.log.info("the kubeconfig was written", { path: kubeconfig });
}

async function writeKubeconfig(path: string, connection: ClusterConnection, certificatePath: string): Promise<void> {
  const { server, tlsServerName, insecureSkipTlsVerify, certificateAuthority } = connection;
  const ca = certificateAuthority === undefined ? undefined : await textOf(certificateAuthority);
  const text = stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "default-cluster",
        cluster: {
          server,
          ...(tlsServerName !== undefined && { "tls-server-name": tlsServerName }),
          ...(insecureSkipTlsVerify === true && { "insecure-skip-tls-verify": true }),
          ...(ca !== undefined && { "certificate-authority-data": Buffer.from(ca).toString("base64") }),
        },
      },
    ],
    users: [{ name: "default-auth", user: { "client-certificate": certificatePath, "client-key": certificatePath } }],
    contexts: [{ name: "default-context", context: { cluster: "default-cluster", user: "default-auth" } }],
    "current-context": "default-context",
  });
  await replaceFile(path, text, { mode: 0o600 });
}

/** The client certificate lives in the certificate directory from now on, and is renewed there. */
async function rotated(
  deps: SystemDeps,
  options: KubeletConnectionOptions,
  connection: ClusterConnection,
): Promise<KubeletConnection> {
  const { store, path } = storeOf(deps, options);
  const { clientCertificate, clientKey } = connection;
  if ((await store.load()) === undefined) {
    if (clientCertificate === undefined || clientKey === undefined) {
      throw new UsageError(
        `rotateCertificates needs a client certificate, and the kubeconfig ${options.kubeconfig ?? ""} has none: turn it off, or use --bootstrap-kubeconfig`,
      );
    }
    await store.save({ certificatePem: await textOf(clientCertificate), privateKeyPem: await textOf(clientKey) });
  }
  const material: Material = { file: path };
  const transport = createClusterTransport({ ...connection, clientCertificate: material, clientKey: material }, deps);
  const rotation = createCertificateRotation(
    {
      ...deps,
      client: createClusterClient({ transport, userAgent: `orlop-kubelet/${ORLOP_VERSION}` }),
      keys: createCertificateKeys(),
      store,
    },
    { name: "client certificate", signerName: SIGNER, usages: USAGES, subject: () => subjectOf(options.nodeName) },
  );
  return { transport, rotation };
}
