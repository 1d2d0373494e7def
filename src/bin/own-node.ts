import { join } from "node:path";
import { createCriRuntime } from "../adapters/cri/runtime.ts";
import { createFiles } from "../adapters/files/files.ts";
import { detectRuntime } from "../adapters/runtime/detect-runtime.ts";
import { runtimeLayout } from "../adapters/runtime/runtime-layout.ts";
import { startPrivateRuntime } from "../adapters/runtime/start-private-runtime.ts";
import type { ServingCertificate } from "../adapters/http/server.ts";
import type { ClusterPki } from "../adapters/tls/cluster-pki.ts";
import { createClientCertificateVerifier } from "../adapters/tls/client-certificate-verifier.ts";
import type { FeatureGates } from "../api/feature-gates.ts";
import type { UpOptions } from "../cli/commands.ts";
import { checkKubeletConfigurationGates } from "../api/kubelet-configuration-gate-rules.ts";
import { loadKubeletConfiguration } from "../kubelet/configuration/load-configuration.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import type { Unit } from "../machinery/unit.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import type { LivePki } from "./live-pki.ts";
import { createNodeAgent } from "./node-agent.ts";
import type { NodePlace } from "./node-place.ts";
import type { SystemDeps } from "./system.ts";

export interface OwnNode {
  readonly dataDir: string;
  readonly place: NodePlace;
  readonly pki: LivePki;
  readonly gates: FeatureGates;
  /** As this node's identity. */
  readonly transport: ClusterTransport;
}

/** How long the container runtime gets to stop; containers keep running. */
const RUNTIME_STOP_MS = 20_000;

/** The node of `orlop up`: a container runtime (the host's, or a private one) and the kubelet over it. */
export function createOwnNode(deps: SystemDeps, options: UpOptions, node: OwnNode): Unit {
  return {
    name: "node",
    async run(signal, ready) {
      const runtime = await findRuntime(deps, options, node.dataDir, signal);
      try {
        const configuration = await loadKubeletConfiguration(createFiles(), {
          ...(options.kubeletConfig !== undefined && { file: options.kubeletConfig }),
          defaults: { auditLog: { path: join(node.dataDir, "kubelet-audit.log") } },
          flags: {
            port: options.kubeletPort,
            // A second cluster on one machine must not fight for the port; the main port answers /healthz as well.
            healthzPort: 0,
            failCgroupV1: false,
            failSwapOn: false,
            authorization: { connect: options.connectAuthorization },
            ...(runtime.cgroupRoot !== undefined && { cgroupRoot: runtime.cgroupRoot }),
            podLogsDir: join(node.dataDir, "pod-logs"),
          },
        });
        checkKubeletConfigurationGates(configuration, node.gates);
        const verifier = createClientCertificateVerifier(node.pki.current().authorityPem);
        const [host] = node.place.addresses;
        const agent = createNodeAgent(deps, node.transport, {
          place: node.place,
          root: join(node.dataDir, "kubelet"),
          configuration,
          gates: node.gates,
          runtimeEndpoint: runtime.endpoint,
          flags: { "container-runtime-endpoint": runtime.endpoint, "hostname-override": node.place.name },
          serving: {
            current: () => servingOf(node.pki.current()),
            onChange: (listener) => node.pki.onChange((renewed) => listener(servingOf(renewed))),
          },
          clientCertificates: () => verifier,
          apiServer: { host, port: options.securePort },
        });
        await agent.run(signal, ready);
      } finally {
        await runtime.stop(AbortSignal.timeout(RUNTIME_STOP_MS));
      }
    },
  };
}

function servingOf({ kubeletServing, authorityPem }: ClusterPki): ServingCertificate {
  return { cert: kubeletServing.certificatePem, key: kubeletServing.privateKeyPem, clientCa: authorityPem };
}

interface NodeRuntime {
  readonly endpoint: string;
  /** A control group tree of its own, for a runtime of our own. */
  readonly cgroupRoot?: string;
  stop(signal: AbortSignal): Promise<void>;
}

async function findRuntime(
  deps: SystemDeps,
  options: UpOptions,
  dataDir: string,
  signal: AbortSignal,
): Promise<NodeRuntime> {
  const asked = options.containerRuntimeEndpoint;
  const connect = (
    endpoint: string,
  ): { observer: ReturnType<typeof createCriRuntime>["observer"]; close: () => void } => {
    const { observer, close } = createCriRuntime({ endpoint });
    return { observer, close };
  };
  const { chosen, refused } = await detectRuntime(
    { connect },
    { ...(asked !== undefined && { endpoints: [asked] }), signal },
  );
  if (chosen !== undefined) {
    deps.log.info("using the container runtime of this machine", { ...chosen });
    return { endpoint: chosen.endpoint, stop: async () => undefined };
  }
  if (asked !== undefined) {
    const because = refused.map((verdict) => verdict.because).join("; ");
    throw new OrlopError("Unsupported", `--container-runtime-endpoint ${asked} can not be used: ${because}`);
  }
  for (const { because } of refused) deps.log.info("a container runtime of this machine is not used", { because });
  const runtime = await startPrivateRuntime(deps, { dataDir, signal });
  return { endpoint: runtime.endpoint, cgroupRoot: runtimeLayout(dataDir).cgroupRoot, stop: runtime.stop };
}
