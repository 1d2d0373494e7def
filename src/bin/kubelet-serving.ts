import { isIP } from "node:net";
import { createCertificateDirectory } from "../adapters/tls/certificate-directory.ts";
import { createCertificateKeys } from "../adapters/tls/certificate-keys.ts";
import { ensureSelfSignedServing } from "../adapters/tls/self-signed-serving.ts";
import { openClientCaFile, readAllFiles, watchFiles } from "../adapters/tls/watched-files.ts";
import type { FeatureGates } from "../api/feature-gates.ts";
import type { KubeletConfiguration } from "../api/kubelet-configuration.ts";
import { ORLOP_VERSION } from "../api/version.ts";
import { type CertificateRotation, createCertificateRotation } from "../kubelet/certificates/certificate-rotation.ts";
import { messageOf, OrlopError } from "../lib/orlop-error.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import type { Unit } from "../machinery/unit.ts";
import type { ClientCertificateVerifier } from "../ports/client-certificates.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import type { NodePlace } from "./node-place.ts";
import { createServingSource, type ServingSource, type WritableServingSource } from "./serving-source.ts";
import type { SystemDeps } from "./system.ts";

const SIGNER = "kubernetes.io/kubelet-serving";
const USAGES = ["digital signature", "server auth"];
const HOUR_MS = 3_600_000;

export interface KubeletServingOptions {
  readonly configuration: KubeletConfiguration;
  readonly gates: FeatureGates;
  readonly certDir: string;
  readonly place: NodePlace;
}

export interface KubeletServing {
  readonly serving: ServingSource;
  /** Absent without authentication.x509.clientCAFile. */
  readonly clientCertificates?: () => ClientCertificateVerifier;
  /** Present with serverTLSBootstrap. */
  readonly rotation?: CertificateRotation;
  /** Follow files and renew certificates. */
  readonly units: readonly Unit[];
}

/**
 * What the kubelet's port shows its clients and which clients it believes, as configured: files that may change, a
 * self-signed certificate, or one by certificate signing requests. Throws OrlopError Invalid for files that can not be used.
 */
export async function kubeletServing(
  deps: SystemDeps,
  transport: ClusterTransport,
  options: KubeletServingOptions,
): Promise<KubeletServing> {
  const { configuration, gates } = options;
  const serving = createServingSource();
  const rotation = rotationOf(deps, transport, options, serving);
  const units = [rotation?.unit ?? (await certificateUnit(deps, options, serving))];
  const result = { serving, units, ...(rotation !== undefined && { rotation }) };
  const { clientCAFile } = configuration.authentication.x509;
  if (clientCAFile === "") return result;

  const reload = gates.enabled("ReloadKubeletClientCAFile");
  const [clientCa] = await readable("authentication.x509.clientCAFile", [clientCAFile]);
  const authority = await openClientCaFile(deps, clientCAFile, {
    onChange: (pem) => serving.set({ clientCa: pem }),
  }).catch((cause: unknown) => {
    throw new OrlopError("Invalid", `authentication.x509.clientCAFile ${clientCAFile}: ${messageOf(cause)}`, { cause });
  });
  if (clientCa !== undefined) serving.set({ clientCa });
  if (reload) units.push(background("client CA reload", authority.run));
  return { ...result, clientCertificates: authority.verifier };
}

/** Files win over a signing request, which wins over a certificate of our own. */
async function certificateUnit(
  deps: SystemDeps,
  options: KubeletServingOptions,
  serving: WritableServingSource,
): Promise<Unit> {
  const { tlsCertFile, tlsPrivateKeyFile } = options.configuration;
  return isGiven(options)
    ? await givenFiles(deps, [tlsCertFile, tlsPrivateKeyFile], options.gates, serving)
    : await selfSigned(deps, options, serving);
}

function isGiven({ configuration: { tlsCertFile, tlsPrivateKeyFile } }: KubeletServingOptions): boolean {
  return tlsCertFile !== "" || tlsPrivateKeyFile !== "";
}

async function givenFiles(
  deps: SystemDeps,
  paths: readonly [string, string],
  gates: FeatureGates,
  serving: WritableServingSource,
): Promise<Unit> {
  if (paths.includes("")) {
    throw new OrlopError("Invalid", "tlsCertFile and tlsPrivateKeyFile need each other: give both or none");
  }
  const contents = await readable("tlsCertFile and tlsPrivateKeyFile", paths);
  const use = ([cert = "", key = ""]: readonly string[]): void => {
    createCertificateKeys().read({ certificatePem: cert, privateKeyPem: key });
    serving.set({ cert, key });
  };
  try {
    use(contents);
  } catch (cause) {
    throw new OrlopError("Invalid", `tlsCertFile ${paths[0]} with tlsPrivateKeyFile ${paths[1]}: ${messageOf(cause)}`, {
      cause,
    });
  }
  return background("serving certificate reload", async (signal) => {
    if (gates.enabled("ReloadKubeletServerCertificateFile")) await watchFiles(deps, { paths }, contents, use, signal);
  });
}

function rotationOf(
  deps: SystemDeps,
  transport: ClusterTransport,
  options: KubeletServingOptions,
  serving: WritableServingSource,
): CertificateRotation | undefined {
  const { certDir, place, configuration, gates } = options;
  if (configuration.serverTLSBootstrap && !gates.enabled("RotateKubeletServerCertificate")) {
    throw new OrlopError("Invalid", "serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate");
  }
  if (!configuration.serverTLSBootstrap || isGiven(options)) return undefined;
  const names = [place.name, ...place.addresses];
  const rotation = createCertificateRotation(
    {
      ...deps,
      client: createClusterClient({ transport, userAgent: `orlop-kubelet/${ORLOP_VERSION}` }),
      keys: createCertificateKeys(),
      store: createCertificateDirectory(deps, { directory: certDir, name: "kubelet-server" }),
    },
    {
      name: "serving certificate",
      signerName: SIGNER,
      usages: USAGES,
      subject: () => ({
        commonName: `system:node:${place.name}`,
        organizations: ["system:nodes"],
        dnsNames: names.filter((name) => isIP(name) === 0),
        ipAddresses: names.filter((name) => isIP(name) !== 0),
      }),
    },
  );
  rotation.onChange(({ certificatePem, privateKeyPem }) => serving.set({ cert: certificatePem, key: privateKeyPem }));
  return rotation;
}

async function selfSigned(
  { clock, log }: SystemDeps,
  { certDir, place }: KubeletServingOptions,
  serving: WritableServingSource,
): Promise<Unit> {
  const ensure = async (): Promise<void> => {
    const made = await ensureSelfSignedServing({
      directory: certDir,
      hostName: place.name,
      addresses: place.addresses,
      now: clock.now(),
    });
    if (serving.current()?.cert !== made.certificatePem) {
      serving.set({ cert: made.certificatePem, key: made.privateKeyPem });
    }
  };
  await ensure();
  return background("self-signed certificate", async (signal) => {
    while (!signal.aborted) {
      await clock.sleep(HOUR_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      await ensure().catch((reason: unknown) => {
        log.warn("could not renew the self-signed certificate", { reason: messageOf(reason) });
      });
    }
  });
}

async function readable(field: string, paths: readonly string[]): Promise<readonly string[]> {
  return await readAllFiles(paths).catch((cause: unknown) => {
    throw new OrlopError("Invalid", `${field}: ${messageOf(cause)}`, { cause });
  });
}

function background(name: string, work: (signal: AbortSignal) => Promise<void>): Unit {
  return {
    name,
    run: async (signal, ready) => {
      ready();
      await work(signal);
    },
  };
}
