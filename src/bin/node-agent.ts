import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { createCriRuntime } from "../adapters/cri/runtime.ts";
import { createCsiConnector } from "../adapters/csi/csi-connector.ts";
import { createPluginSockets } from "../adapters/csi/plugin-sockets.ts";
import { createFiles } from "../adapters/files/files.ts";
import { openRotatingLog, type RotatingLog } from "../adapters/files/rotating-log.ts";
import { createHttpClient } from "../adapters/http/client.ts";
import { createHttpServer, type HttpServerTls } from "../adapters/http/server.ts";
import { createLinuxCgroups } from "../adapters/linux/cgroups.ts";
import { createLinuxDisks } from "../adapters/linux/disks.ts";
import { createLinuxFacts } from "../adapters/linux/facts.ts";
import { createJournal } from "../adapters/linux/journal.ts";
import { createLinuxMounts } from "../adapters/linux/mounts.ts";
import { createProcessFacts, createProfiler } from "../adapters/linux/process.ts";
import { createLinuxSELinux } from "../adapters/linux/selinux.ts";
import { createLinuxSubpaths } from "../adapters/linux/subpaths.ts";
import { createNetworkProber } from "../adapters/probes/network-prober.ts";
import { inflatePiece } from "../adapters/streams/inflate-piece.ts";
import { createMappingDirectory } from "../adapters/userns/mapping-directory.ts";
import { readSubIds } from "../adapters/userns/sub-id-facts.ts";
import type { FeatureGates } from "../api/feature-gates.ts";
import type { KubeletConfiguration } from "../api/kubelet-configuration.ts";
import { KUBERNETES_VERSION, ORLOP_VERSION } from "../api/version.ts";
import type { Listener } from "../kubelet/api-listeners.ts";
import { createKubelet } from "../kubelet/kubelet.ts";
import type { RotatedCertificates } from "../kubelet/metrics/certificate-metrics.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import { observeTransport, type SentRequest } from "../machinery/observed-transport.ts";
import type { Unit } from "../machinery/unit.ts";
import type { ClientCertificateVerifier } from "../ports/client-certificates.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import type { Log } from "../ports/log.ts";
import type { RecordLog } from "../ports/record-log.ts";
import type { NodePlace } from "./node-place.ts";
import type { ServingSource } from "./serving-source.ts";
import { logLevelOf, type SystemDeps } from "./system.ts";

export interface NodeAgentOptions {
  readonly place: NodePlace;
  /** Where pods' volumes and state live, absolute. */
  readonly root: string;
  readonly configuration: KubeletConfiguration;
  readonly gates: FeatureGates;
  readonly runtimeEndpoint: string;
  /** As given, for /flagz. */
  readonly flags: Readonly<Record<string, string>>;
  readonly serving: ServingSource;
  readonly clientCertificates?: () => ClientCertificateVerifier | undefined;
  /** Those that are renewed by signing requests. */
  readonly certificates?: RotatedCertificates;
  /** What pods find in KUBERNETES_SERVICE_HOST and PORT. */
  readonly apiServer?: { readonly host: string; readonly port: number };
}

/** The kubelet with its real adapters: this machine, a CRI socket, an API server. */
export function createNodeAgent(deps: SystemDeps, transport: ClusterTransport, options: NodeAgentOptions): Unit {
  const { clock, random } = deps;
  const log = deps.log.with({ component: "kubelet" });
  const { configuration, serving } = options;
  const mounts = createLinuxMounts();
  const runtime = createCriRuntime({
    endpoint: options.runtimeEndpoint,
    ...(configuration.imageServiceEndpoint !== "" && { imageEndpoint: configuration.imageServiceEndpoint }),
    requestTimeoutMs: configuration.runtimeRequestTimeout,
  });
  const sent = new Set<(request: SentRequest) => void>();
  const observed = observeTransport(transport, clock, (request) => sent.forEach((listener) => listener(request)));
  const makeKubelet = (records: RecordLog | undefined): Unit =>
    createKubelet(
      {
        ...(records !== undefined && { trailRecords: records }),
        client: createClusterClient({ transport: observed, userAgent: `orlop-kubelet/${ORLOP_VERSION}` }),
        apiServerHost: transport.host ?? "in-process",
        onRequestSent: (listener) => sent.add(listener),
        runtime,
        clock,
        random,
        log,
        files: createFiles(),
        mounts,
        subpaths: createLinuxSubpaths(mounts),
        selinux: createLinuxSELinux(),
        csi: createCsiConnector(),
        pluginSockets: createPluginSockets(),
        disks: createLinuxDisks(),
        digest: (text) => createHash("sha256").update(text).digest("hex"),
        cgroups: createLinuxCgroups(),
        host: createLinuxFacts(),
        process: createProcessFacts(),
        profiler: createProfiler(),
        journal: createJournal(),
        prober: createNetworkProber({ userAgent: `kube-probe/${KUBERNETES_VERSION.split(".").slice(0, 2).join(".")}` }),
        streamingClient: createHttpClient({ tls: () => ({ trust: { by: "nobody" } }) }),
        inflate: inflatePiece,
        listen: (listener) => listenerUnit(log, listener, serving, configuration),
        ...(options.clientCertificates !== undefined && { clientCertificates: options.clientCertificates }),
        ...(options.certificates !== undefined && { certificates: options.certificates }),
        mappings: createMappingDirectory(join(options.root, "pods")),
        subIds: readSubIds,
        setVerbosity: (level) => deps.setLogLevel(logLevelOf(level)),
      },
      {
        nodeName: options.place.name,
        addresses: options.place.addresses,
        root: options.root,
        configuration,
        gates: options.gates,
        flags: options.flags,
        ...(options.apiServer !== undefined && { apiServer: options.apiServer }),
      },
    );
  return {
    name: "kubelet",
    async run(signal, ready) {
      const records = await openTrail(deps, configuration);
      try {
        await makeKubelet(records).run(signal, ready);
      } finally {
        runtime.close();
        await records?.close();
      }
    },
  };
}

async function openTrail(deps: SystemDeps, { auditLog }: KubeletConfiguration): Promise<RotatingLog | undefined> {
  if (auditLog.path === "") return undefined;
  return await openRotatingLog(deps, {
    path: resolve(auditLog.path),
    maximumBytes: auditLog.maxSizeMegabytes * 2 ** 20,
    backups: auditLog.maxBackups,
  });
}

/** Made when it starts to listen, with the certificate of that moment; later ones are taken up as they come. */
function listenerUnit(
  log: Log,
  { name, host, port, secure, handler }: Listener,
  serving: ServingSource,
  configuration: KubeletConfiguration,
): Unit {
  return {
    name,
    async run(signal, ready) {
      const tls = secure ? { ...serving.current(), ...tlsRules(configuration), requestCert: true } : undefined;
      const server = createHttpServer({ handler, log }, { name, host, port, tls });
      const stop = secure ? serving.onChange((renewed) => server.reloadCertificate(renewed)) : () => undefined;
      try {
        await server.run(signal, ready);
      } finally {
        stop();
      }
    },
  };
}

function tlsRules({
  tlsMinVersion,
  tlsCipherSuites,
  tlsCurvePreferences,
}: KubeletConfiguration): Pick<HttpServerTls, "minVersion" | "cipherSuites" | "curvePreferences"> {
  return {
    curvePreferences: tlsCurvePreferences,
    ...(tlsMinVersion === "VersionTLS13" && { minVersion: "TLSv1.3" as const }),
    ...(tlsCipherSuites.length > 0 && { cipherSuites: tlsCipherSuites }),
  };
}
