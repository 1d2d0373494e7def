import { resolve } from "node:path";
import { createFiles } from "../adapters/files/files.ts";
import { checkKubeletConfigurationGates } from "../api/kubelet-configuration-gate-rules.ts";
import type { KubeletConfiguration } from "../api/kubelet-configuration.ts";
import type { KubeletOptions } from "../cli/commands.ts";
import { kubeletFieldDocument } from "../cli/kubelet-flags.ts";
import { loadKubeletConfiguration, mergeDocuments } from "../kubelet/configuration/load-configuration.ts";
import { runUnits } from "../machinery/unit.ts";
import { featureGatesOf } from "./feature-gate-flags.ts";
import { connectKubelet } from "./kubelet-connection.ts";
import { kubeletServing } from "./kubelet-serving.ts";
import { checkMachine } from "./machine.ts";
import { createNodeAgent } from "./node-agent.ts";
import { findNodePlace } from "./node-place.ts";
import { untilToldToStop } from "./process-signal.ts";
import { logLevelOf, systemDeps } from "./system.ts";

/** `orlop kubelet`: the node agent against any Kubernetes API server. */
export async function kubelet(options: KubeletOptions): Promise<number> {
  const configuration = await configurationOf(options);
  const deps = systemDeps(logLevelOf(options.v ?? 0, options.logLevel));
  const gates = featureGatesOf(options, deps.log, new Map(Object.entries(configuration.featureGates)));
  checkKubeletConfigurationGates(configuration, gates);
  await checkMachine({ node: true, command: "orlop kubelet" });
  const { hostnameOverride, nodeIp } = options;
  const place = await findNodePlace({
    ...(hostnameOverride !== undefined && { nodeName: hostnameOverride }),
    ...(nodeIp !== undefined && { nodeIp }),
  });
  const certDir = resolve(options.certDir);
  await untilToldToStop(async (signal) => {
    const { transport, rotation } = await connectKubelet(
      deps,
      {
        kubeconfig: options.kubeconfig,
        bootstrapKubeconfig: options.bootstrapKubeconfig,
        certDir,
        nodeName: place.name,
        rotate: configuration.rotateCertificates,
      },
      signal,
    );
    try {
      const {
        serving,
        clientCertificates,
        units,
        rotation: servingRotation,
      } = await kubeletServing(deps, transport, {
        configuration,
        gates,
        certDir,
        place,
      });
      const agent = createNodeAgent(deps, transport, {
        place,
        root: resolve(options.rootDir),
        configuration,
        gates,
        runtimeEndpoint: configuration.containerRuntimeEndpoint,
        flags: shownFlags(options),
        serving,
        ...(clientCertificates !== undefined && { clientCertificates }),
        certificates: {
          ...(servingRotation !== undefined && { serving: servingRotation }),
          ...(rotation !== undefined && { client: rotation }),
        },
      });
      const all = [...(rotation === undefined ? [] : [rotation.unit]), ...units, agent];
      await runUnits(all, signal, () => process.stdout.write(`ready: node ${place.name}\n`));
    } finally {
      await transport.close();
    }
  });
  return 0;
}

/** Files first, drop-ins over them, flags over all. */
async function configurationOf(options: KubeletOptions): Promise<KubeletConfiguration> {
  const { config, configDir, containerRuntimeEndpoint, connectAuthorization } = options;
  const flags = mergeDocuments(kubeletFieldDocument(options), {
    ...(containerRuntimeEndpoint !== undefined && { containerRuntimeEndpoint }),
    ...(connectAuthorization !== undefined && { authorization: { connect: connectAuthorization } }),
  });
  return await loadKubeletConfiguration(createFiles(), {
    ...(config !== undefined && { file: resolve(config) }),
    ...(configDir !== undefined && { directory: resolve(configDir) }),
    flags,
  });
}

/** For /flagz: as given, in upstream's spelling. None of them is secret. */
function shownFlags(options: KubeletOptions): Readonly<Record<string, string>> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && String(value) !== "");
  return Object.fromEntries(
    given.map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), String(value)]),
  );
}
