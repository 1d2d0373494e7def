import type { FeatureGates } from "../api/feature-gates.ts";
import type { KubeletConfiguration } from "../api/kubelet-configuration.ts";
import type { SubIdFacts } from "../core/userns/sub-ids.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import type { ClusterClient } from "../machinery/cluster-client.ts";
import { createEventRecorder } from "../machinery/event-recorder.ts";
import { createInformer } from "../machinery/informer.ts";
import type { SentRequest } from "../machinery/observed-transport.ts";
import { SERVICES } from "../machinery/resources.ts";
import { createUnitGroup, type Unit } from "../machinery/unit.ts";
import type { CgroupLayout, HostCgroups } from "../ports/host-cgroups.ts";
import type { MachineInformation } from "../ports/host-facts.ts";
import type { CsiConnector } from "../ports/csi.ts";
import type { HostDisks } from "../ports/host-disks.ts";
import type { HostMounts, VolumeSubpaths } from "../ports/host-mounts.ts";
import type { HostSELinux } from "../ports/host-selinux.ts";
import type { PluginSockets } from "../ports/plugin-registration.ts";
import type { MappingStore } from "../ports/mapping-store.ts";
import type { NetworkProber } from "../ports/network-prober.ts";
import { podMemoryLimitBytes } from "./cgroups/cgroup-limits.ts";
import { createDriverQuestion, createNodeCgroups } from "./cgroups/node-cgroups.ts";
import { ineffectiveFields } from "./configuration/ineffective-fields.ts";
import { hostProblem } from "./host-check.ts";
import {
  changeDetectionOf,
  clusterDomainOf,
  declaredFeaturesOf,
  kernelIsAtLeast,
  onlyWhatEnvironmentNeeds,
} from "./kubelet-settings.ts";
import type { RotatedCertificates } from "./metrics/certificate-metrics.ts";
import { type ApiAdapters, createKubeletApi } from "./kubelet-api.ts";
import { createKubeletMetrics } from "./metrics/kubelet-metrics.ts";
import { createRestClientMetrics } from "./metrics/rest-client-metrics.ts";
import { withOperationMetrics } from "./metrics/runtime-operation-metrics.ts";
import { createPodStartMetrics, registerUserNamespaceRanges } from "./metrics/pod-start-metrics.ts";
import { registerVolumeStats } from "./metrics/volume-stats-metrics.ts";
import { createVolumeUsages } from "./metrics/volume-usages.ts";
import { createNodeLease } from "./node/node-lease.ts";
import { createNodeStatus } from "./node/node-status.ts";
import { createRuntimeWatch } from "./node/runtime-watch.ts";
import { createPodProcesses, type PodProcesses } from "./pod-processes.ts";
import { podManagerOptionsOf } from "./pods/pod-manager-options.ts";
import { createPodManager } from "./pods/pod-manager.ts";
import { createPodEvents } from "./pods/recorded-pod-events.ts";
import { createPodReferences } from "./references/pod-references.ts";
import { countRunning } from "./running-counts.ts";
import { createCsiMetrics } from "./csi/csi-operations.ts";
import { createNodeStorage } from "./csi/node-storage.ts";
import { createNodeUserNamespaces } from "./userns-of-node.ts";
import { createSELinuxMetrics } from "./volumes/selinux-metrics.ts";
import { createServiceAccountTokens } from "./volumes/service-account-tokens.ts";
import { shareRoot } from "./volumes/share-root.ts";
import { createVolumeManager } from "./volumes/volume-manager.ts";

/** Everything the kubelet touches the world with. */
export interface KubeletDeps extends ApiAdapters {
  readonly client: ClusterClient;
  /** host:port of the API server, for metrics. */
  readonly apiServerHost: string;
  /** Tells of every request to the API server. */
  readonly onRequestSent: (listener: (request: SentRequest) => void) => void;
  readonly mounts: HostMounts;
  readonly subpaths: VolumeSubpaths;
  readonly selinux: HostSELinux;
  /** Reaches CSI drivers. */
  readonly csi: CsiConnector;
  readonly pluginSockets: PluginSockets;
  readonly disks: HostDisks;
  /** SHA-256 in hexadecimal digits. */
  readonly digest: (text: string) => string;
  readonly cgroups: HostCgroups;
  readonly prober: NetworkProber;
  /** Where ID mappings of pods survive a restart. */
  readonly mappings: MappingStore;
  /** IDs the host delegates to the user "kubelet". */
  readonly subIds: (signal: AbortSignal) => Promise<SubIdFacts>;
  /** Certificates that are renewed, for metrics. */
  readonly certificates?: RotatedCertificates;
  /** Further reasons why the node is not ready. */
  readonly problems?: () => readonly string[];
}

export interface KubeletOptions {
  readonly nodeName: string;
  /** Addresses of the node, primary first. */
  readonly addresses: readonly string[];
  /** Absolute, e.g. "/var/lib/kubelet". */
  readonly root: string;
  readonly configuration: KubeletConfiguration;
  readonly gates: FeatureGates;
  /** For /flagz; no secrets. */
  readonly flags: Readonly<Record<string, string>>;
  /** @default none */
  readonly nodeLabels?: Readonly<Record<string, string>>;
  /** What pods find in KUBERNETES_SERVICE_HOST and PORT. Absent: what the Service "kubernetes" says. */
  readonly apiServer?: { readonly host: string; readonly port: number };
  /** Links to the logs of running containers; "" for none. @default "/var/log/containers" */
  readonly logLinksRoot?: string;
}

const PROC_FILE_LIMIT_BYTES = 64 * 1024;
const TMPFS_NOSWAP_SINCE = [6, 4] as const;

/**
 * The node agent: pods, node status, lease and the HTTPS API. Ready when the node was reported as Ready once. It answers
 * its API and keeps trying while the container runtime or the API server is away.
 */
export function createKubelet(deps: KubeletDeps, options: KubeletOptions): Unit {
  return {
    name: "kubelet",
    run: async (signal, ready) => {
      const machine = await deps.host.machine(signal);
      const layout = await deps.cgroups.layout().catch(() => undefined);
      const problem = hostProblem({
        configuration: options.configuration,
        cgroupVersion: layout?.version,
        swapBytes: machine.swapBytes,
      });
      if (problem !== undefined) throw new OrlopError("Unsupported", problem);
      for (const [field, instead] of Object.entries(ineffectiveFields(options.configuration))) {
        deps.log.warn("a field of the kubelet configuration has no effect", { field, instead });
      }
      await deps.files.makeDirectory(options.root, 0o755);
      await shareRoot(deps, options.root, signal);
      await assemble(deps, options, machine, layout).run(signal, ready);
    },
  };
}

/** Builds all parts. Nothing runs yet. */
function assemble(
  given: KubeletDeps,
  options: KubeletOptions,
  machine: MachineInformation,
  layout: CgroupLayout | undefined,
): Unit {
  const { client, clock, random, log } = given;
  const { nodeName, configuration, gates, root } = options;
  const clusterDomain = clusterDomainOf(configuration);

  const recorder = createEventRecorder({ client, clock, random, log }, { component: "kubelet", host: nodeName });
  const metrics = createKubeletMetrics({ ...given, gates }, { nodeName });
  const runtime = withOperationMetrics(given.runtime, metrics.registry, clock);
  const deps: KubeletDeps = { ...given, runtime };
  deps.onRequestSent(createRestClientMetrics(metrics.registry, deps.apiServerHost));
  const runtimeWatch = createRuntimeWatch({ observer: runtime.observer, clock, log });
  const services = createInformer(
    { client, clock, random, log },
    { resource: SERVICES, keep: onlyWhatEnvironmentNeeds },
  );
  const references = createPodReferences(
    { client, clock, random, log },
    { strategy: changeDetectionOf(configuration) },
  );
  const driver = createDriverQuestion(runtime.observer, configuration);
  const nodeStatus = createNodeStatus(
    {
      client,
      clock,
      random,
      log,
      events: recorder,
      host: deps.host,
      images: runtime.images,
      runtime: runtimeWatch,
      volumesInUse: () => storage.volumes.attached(),
      problems: () => [...(deps.problems?.() ?? []), ...[storage.problem()].filter((text) => text !== undefined)],
    },
    {
      nodeName,
      addresses: options.addresses,
      machine,
      root,
      port: configuration.port,
      registerNode: configuration.registerNode,
      labels: options.nodeLabels ?? {},
      taints: configuration.registerWithTaints,
      providerId: configuration.providerID,
      controllerAttachDetach: configuration.enableControllerAttachDetach,
      settings: configuration,
      updateFrequency: configuration.nodeStatusUpdateFrequency,
      reportFrequency: configuration.nodeStatusReportFrequency,
      pressureTransitionPeriod: configuration.evictionPressureTransitionPeriod,
      maximumImages: configuration.nodeStatusMaxImages,
      declaredFeatures: () => declaredFeaturesOf(gates, runtimeWatch),
    },
  );
  const tokens = createServiceAccountTokens({ client, clock, random, log });
  const events = createPodEvents(recorder);
  const storage = createNodeStorage(
    {
      ...deps,
      tokens,
      events,
      observeSELinux: createSELinuxMetrics(metrics.registry),
      observeCsi: createCsiMetrics(metrics.registry),
      reportVolumesInUse: (reportSignal) => nodeStatus.reportVolumesInUse(reportSignal),
    },
    { root, nodeName, gates },
  );
  const volumes = createVolumeManager(
    {
      nodeVolumes: storage.volumes,
      careFor: storage.careFor,
      digest: deps.digest,
      files: deps.files,
      mounts: deps.mounts,
      subpaths: deps.subpaths,
      client,
      tokens,
      clock,
      random,
      log,
      references,
      allocatable: () => nodeStatus.allocatable(),
      podMemoryLimit: podMemoryLimitBytes,
      onReferenceChange: references.onChange,
    },
    {
      root,
      clusterDomain,
      isSELinuxActive: storage.demands.isActive,
      tmpfsNoSwap: kernelIsAtLeast(machine.kernelVersion, TMPFS_NOSWAP_SINCE),
      kernelIsAtLeast: (version) => kernelIsAtLeast(machine.kernelVersion, version),
    },
  );
  const processes: PodProcesses = createPodProcesses(
    { cgroups: deps.cgroups, files: deps.files, sandboxes: runtime.sandboxes, containers: runtime.containers },
    { cgroupRoot: configuration.cgroupRoot, driver },
  );
  const userNamespaces = createNodeUserNamespaces(
    {
      store: deps.mappings,
      random,
      log,
      subIds: deps.subIds,
      handlers: () => runtimeWatch.handlers,
      onPoolLow: (message) => {
        log.warn("Few ranges of user namespace IDs are left", { message });
        const involvedObject = { apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeName };
        recorder.record({ involvedObject, type: "Warning", reason: "UserNamespaceRangesLow", message });
      },
      readText: async (path) => new TextDecoder().decode(await deps.files.read(path, PROC_FILE_LIMIT_BYTES)),
      liveRange: processes.liveRange,
    },
    {
      gateEnabled: gates.enabled("UserNamespacesSupport"),
      idsPerPod: configuration.userNamespaces.idsPerPod,
      maxPods: configuration.maxPods,
    },
  );
  const podOptions = podManagerOptionsOf(configuration, {
    nodeName,
    root,
    gates,
    machine,
    cgroupVersion: layout?.version ?? 2,
  });
  const pods = createPodManager(
    {
      runtime,
      client,
      clock,
      random,
      log,
      files: deps.files,
      prober: deps.prober,
      volumes: volumes.volumes,
      cgroups: createNodeCgroups({ ...deps, driver }, configuration, machine, layout),
      references,
      userNamespaces: userNamespaces.namespaces,
      events,
      node: nodeStatus.node,
      hostIps: () => options.addresses,
      services: () => services.reader.list(),
      networkProblem: runtimeWatch.networkProblem,
      observe: createPodStartMetrics(metrics.registry),
      observeProbes: metrics.probes.observe,
      imageDisk: {
        disk: (path) => deps.host.filesystem(path),
        insufficient: (message) =>
          recorder.record({
            involvedObject: { apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeName },
            type: "Warning",
            reason: "FreeDiskSpaceFailed",
            message,
          }),
      },
    },
    {
      ...podOptions,
      ...(options.apiServer !== undefined && { apiServer: options.apiServer }),
      ...(options.logLinksRoot !== undefined && { logLinksRoot: options.logLinksRoot }),
      recursiveReadOnlyMounts: (handler) =>
        runtimeWatch.handlers.find(({ name }) => name === handler)?.recursiveReadOnlyMounts ?? false,
    },
  );
  storage.onFreed(pods.lookAtWaiting);
  const volumeUsages = createVolumeUsages(
    { host: deps.host, clock, sharedUsage: storage.usageOf, onVolumeCounted: metrics.volumeCounted },
    { volumeAge: configuration.volumeStatsAggPeriod },
  );
  if (configuration.volumeStatsAggPeriod >= 0) {
    const stats = { pods: pods.directory.pods, volumePaths: volumes.volumePaths, usages: volumeUsages, clock };
    registerVolumeStats(metrics.registry, stats);
  }
  registerUserNamespaceRanges(metrics.registry, userNamespaces.counts);
  metrics.countRunning(() => countRunning(pods.directory));

  const api = createKubeletApi(
    {
      ...deps,
      pods: pods.directory,
      metrics,
      podProcess: processes.any,
      volumePaths: volumes.volumePaths,
      usages: volumeUsages,
    },
    { ...options, machine, nodeResources: podOptions.nodeResources },
  );
  const lease = createNodeLease(
    { client, clock, log, nodeUid: () => nodeStatus.node()?.metadata?.uid },
    { nodeName, durationSeconds: configuration.nodeLeaseDurationSeconds },
  );
  const background = [
    recorder.unit,
    references.unit,
    runtimeWatch.unit,
    volumes.unit,
    storage.unit,
    lease,
    withoutWaiting(services),
  ];
  const running = createUnitGroup(
    "kubelet parts",
    [...background, nodeStatus.unit, ...api, createUnitGroup("pods", [userNamespaces.restore, pods.unit], "in-order")],
    "together",
  );
  return running;
}

/** Others need not wait for the unit's first success. */
function withoutWaiting(unit: Unit): Unit {
  return {
    name: unit.name,
    run: (signal, ready) => {
      ready();
      return unit.run(signal, () => undefined);
    },
  };
}
