import type { KubeletConfiguration } from "../../api/kubelet-configuration.ts";
import { containersOf } from "../../api/pod.ts";
import { linuxResources, type NodeResources } from "../../core/pods/container-resources.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CheckpointRuntime, ImageService } from "../../ports/container-runtime.ts";
import type { Files } from "../../ports/files.ts";
import type { HostJournal } from "../../ports/host-journal.ts";
import type { HostFacts, InterfaceUsage, MachineInformation } from "../../ports/host-facts.ts";
import type { ProcessFacts, Profiler } from "../../ports/host-process.ts";
import type { Log } from "../../ports/log.ts";
import { cadvisorMetrics } from "../metrics/cadvisor-metrics.ts";
import type { MetricFamily } from "../metrics/exposition.ts";
import type { KubeletMetrics } from "../metrics/kubelet-metrics.ts";
import { resourceMetrics } from "../metrics/resource-metrics.ts";
import { createSummaryProvider } from "../metrics/summary-provider.ts";
import type { UsageProvider } from "../metrics/usage-provider.ts";
import type { ReadyVolumePath, VolumeUsages } from "../metrics/volume-usages.ts";
import type { PodDirectory } from "../pod-directory.ts";
import { plainAnswer } from "../streaming/plain-answers.ts";
import type { StreamingHandlers } from "../streaming/streaming-handlers.ts";
import { createCheckpointHandler } from "./handlers/checkpoint.ts";
import { createConfigzHandler } from "./handlers/configz.ts";
import { createContainerLogsHandler } from "./handlers/container-logs.ts";
import { createDebugFlagsHandler, createPprofHandler } from "./handlers/debug.ts";
import { createHealthHandler, type HealthCheck } from "./handlers/healthz.ts";
import { createFamiliesHandler, createRegistryHandler, createResettableHandler } from "./handlers/metrics.ts";
import { createNodeLogsHandler } from "./handlers/node-logs.ts";
import { createPodListHandler } from "./handlers/pods.ts";
import { createSpecHandler } from "./handlers/spec.ts";
import { createSummaryHandler } from "./handlers/summary.ts";
import { createFlagzHandler, createStatuszHandler } from "./handlers/zpages.ts";
import type { PathParameters, RouteHandlers } from "./routes.ts";

export interface RouteHandlersDeps {
  readonly pods: PodDirectory;
  readonly streaming: StreamingHandlers;
  readonly metrics: KubeletMetrics;
  readonly usage: UsageProvider;
  readonly host: Pick<HostFacts, "filesystem" | "treeUsage" | "interfaces" | "addresses">;
  readonly images: Pick<ImageService, "filesystem">;
  readonly files: Files;
  readonly process: ProcessFacts;
  readonly profiler: Profiler;
  readonly clock: Clock;
  readonly log: Log;
  readonly volumePaths: (podUid: string) => readonly ReadyVolumePath[];
  readonly usages: VolumeUsages;
  readonly healthChecks: readonly HealthCheck[];
  readonly setVerbosity: (level: number) => void;
  readonly checkpoints: CheckpointRuntime;
  /** Absent: the host keeps no journal. */
  readonly journal?: HostJournal;
}

export interface RouteHandlersOptions {
  readonly nodeName: string;
  readonly root: string;
  readonly machine: MachineInformation;
  readonly nodeResources: NodeResources;
  readonly configuration: KubeletConfiguration;
  /** Flags as given or defaulted, for /flagz; no secrets. */
  readonly flags: Readonly<Record<string, string>>;
  readonly emulatedVersion: string;
  readonly startedAt: number;
  readonly splitStreams: boolean;
  /** For /statusz. */
  readonly paths: readonly string[];
  /** @default "/var/log" */
  readonly logDirectory?: string;
}

const SCRAPE_AGE_MS = 1_000;

function containerTarget({ namespace = "", pod = "", container = "", uid }: PathParameters) {
  return { namespace, pod, container, ...(uid !== undefined && { uid }) };
}

/** All handlers of the kubelet's API, made of what the kubelet consists of. */
export function createRouteHandlers(deps: RouteHandlersDeps, options: RouteHandlersOptions): RouteHandlers {
  const { metrics, streaming, pods } = deps;
  const summarize = createSummaryProvider(
    { ...deps, machine: options.machine },
    {
      nodeName: options.nodeName,
      root: options.root,
      measureVolumes: options.configuration.volumeStatsAggPeriod >= 0,
    },
  );
  return {
    healthz: createHealthHandler({ checks: deps.healthChecks, observe: metrics.health.checked, log: deps.log }),
    metrics: createRegistryHandler(metrics.registry),
    cadvisorMetrics: createFamiliesHandler((signal) => collectCadvisor(deps, options, signal)),
    resourceMetrics: createFamiliesHandler(async (signal) =>
      resourceMetrics(await deps.usage.sample(SCRAPE_AGE_MS, signal).catch(() => undefined)),
    ),
    probeMetrics: createRegistryHandler(metrics.probes.registry),
    sliMetrics: createResettableHandler(metrics.health.registry, metrics.health.reset),
    pods: createPodListHandler(() => pods.pods()),
    runningPods: createPodListHandler(() => pods.runningPods()),
    summary: createSummaryHandler(summarize),
    spec: createSpecHandler({
      machine: options.machine,
      filesystem: () => deps.host.filesystem(options.root).catch(() => undefined),
      interfaces: () => deps.host.interfaces(),
    }),
    run: (request, parameters) => streaming.run(request, containerTarget(parameters)),
    exec: (request, parameters) => streaming.exec(request, containerTarget(parameters)),
    attach: (request, parameters) => streaming.attach(request, containerTarget(parameters)),
    portForward: (request, { namespace = "", pod = "", uid }) =>
      streaming.portForward(request, { namespace, pod, ...(uid !== undefined && { uid }) }),
    containerLogs: createContainerLogsHandler(deps, { splitStreams: options.splitStreams }),
    configz: createConfigzHandler(options.configuration),
    checkpoint: createCheckpointHandler(deps, `${options.root}/checkpoints`),
    logs: createNodeLogsHandler(deps, {
      directory: options.logDirectory ?? "/var/log",
      queries: options.configuration.enableSystemLogQuery,
    }),
    pprof: createPprofHandler({ profiler: deps.profiler, commandLine: deps.process.commandLine }),
    debugFlags: createDebugFlagsHandler(deps.setVerbosity),
    flagz: createFlagzHandler(options.flags),
    statusz: createStatuszHandler({
      clock: deps.clock,
      startedAt: options.startedAt,
      runtimeVersion: deps.process.runtimeVersion,
      emulatedVersion: options.emulatedVersion,
      paths: options.paths,
    }),
  };
}

async function collectCadvisor(
  deps: RouteHandlersDeps,
  options: RouteHandlersOptions,
  signal: AbortSignal,
): Promise<readonly MetricFamily[]> {
  const sample = await deps.usage.sample(SCRAPE_AGE_MS, signal);
  const interfaces = new Map<string, readonly InterfaceUsage[]>();
  for (const uid of new Set(sample.containers.map(({ podUid }) => podUid))) {
    const pod = deps.pods.podByUid(uid);
    if (pod !== undefined) interfaces.set(uid, await deps.usage.podInterfaces(pod));
  }
  return cadvisorMetrics({
    machine: options.machine,
    sample,
    interfaces,
    imageOf: ({ namespace, pod, container }) => deps.pods.container(namespace, pod, container)?.status?.image ?? "",
    resourcesOf({ podUid, container: name }) {
      const pod = deps.pods.podByUid(podUid);
      const container = containersOf(pod?.spec).find((each) => each.name === name);
      return pod === undefined || container === undefined
        ? undefined
        : linuxResources(pod, container, options.nodeResources);
    },
  });
}

/** The healthz port: only that the process answers. */
export function createHealthPortHandler() {
  return async ({ path }: { readonly path: string }) =>
    path === "/healthz" || path === "/healthz/ping"
      ? plainAnswer(200, "ok", { "x-content-type-options": "nosniff" })
      : plainAnswer(404, "404 page not found\n", { "x-content-type-options": "nosniff" });
}
