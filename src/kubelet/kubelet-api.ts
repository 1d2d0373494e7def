import type { FeatureGates } from "../api/feature-gates.ts";
import type { KubeletConfiguration } from "../api/kubelet-configuration.ts";
import type { ClusterClient } from "../machinery/cluster-client.ts";
import type { Unit } from "../machinery/unit.ts";
import type { ClientCertificateVerifier } from "../ports/client-certificates.ts";
import type { Clock } from "../ports/clock.ts";
import type { Runtime } from "../ports/container-runtime.ts";
import type { Files } from "../ports/files.ts";
import type { HostFacts, MachineInformation } from "../ports/host-facts.ts";
import type { HostJournal } from "../ports/host-journal.ts";
import type { ProcessFacts, Profiler } from "../ports/host-process.ts";
import type { HttpClient } from "../ports/http-client.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { RecordLog } from "../ports/record-log.ts";
import { createApiListeners, type Listen } from "./api-listeners.ts";
import { createKubeletAccess } from "./authorization/kubelet-access.ts";
import { connectModeOf, listedPaths, switchesOf } from "./kubelet-settings.ts";
import type { KubeletMetrics } from "./metrics/kubelet-metrics.ts";
import { createUsageProvider, type UsageProviderDeps } from "./metrics/usage-provider.ts";
import type { PodDirectory } from "./pod-directory.ts";
import { createHeartbeat } from "./server/heartbeat.ts";
import { createKubeletServer, type ObserveAccess } from "./server/kubelet-server.ts";
import {
  createHealthPortHandler,
  createRouteHandlers,
  type RouteHandlersDeps,
  type RouteHandlersOptions,
} from "./server/route-handlers.ts";
import { createStreamingHandlers, type StreamingDeps } from "./streaming/streaming-handlers.ts";
import { createTrail, type Trail } from "./trail/trail.ts";

/** What the API touches the world with. */
export interface ApiAdapters {
  readonly client: Pick<ClusterClient, "create">;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly files: Files;
  readonly host: HostFacts;
  readonly process: ProcessFacts;
  readonly profiler: Profiler;
  /** Reaches the runtime's streaming server. */
  readonly streamingClient: HttpClient;
  readonly inflate: StreamingDeps["inflate"];
  readonly listen: Listen;
  /** Verifies client certificates; asked for each request, so that the CA can change. undefined: none are trusted. */
  readonly clientCertificates?: () => ClientCertificateVerifier | undefined;
  /** Logs of the host's services, for node log queries. Absent: they are looked for in files only. */
  readonly journal?: HostJournal;
  /** Where the trail of requests to the API is kept. Absent: there is none. */
  readonly trailRecords?: RecordLog;
  /** Makes the log say more (0 is normal). */
  readonly setVerbosity: (level: number) => void;
}

export interface KubeletApiDeps extends ApiAdapters {
  readonly pods: PodDirectory;
  readonly metrics: KubeletMetrics;
  readonly podProcess: UsageProviderDeps["podProcess"];
  readonly volumePaths: RouteHandlersDeps["volumePaths"];
  readonly usages: RouteHandlersDeps["usages"];
}

export interface KubeletApiOptions extends Pick<RouteHandlersOptions, "nodeName" | "root" | "flags" | "nodeResources"> {
  readonly machine: MachineInformation;
  readonly configuration: KubeletConfiguration;
  readonly gates: FeatureGates;
}

/** The kubelet's HTTPS API with its read-only and healthz ports, as units. */
export function createKubeletApi(deps: KubeletApiDeps, options: KubeletApiOptions): readonly Unit[] {
  const { clock, log, metrics } = deps;
  const { nodeName, configuration, gates } = options;
  const heartbeat = createHeartbeat({ clock }, { period: configuration.syncFrequency });
  const trail = trailOf(deps, nodeName);
  const server = {
    handlers: handlersOf(deps, options, heartbeat.check),
    clock,
    log,
    observeRequest: metrics.request,
    ...(trail !== undefined && { trail }),
  };
  const connectMode = connectModeOf(configuration);
  const checkAccess = createKubeletAccess(
    { ...deps, gates, observeReview: metrics.access.review, observeTokenCache: metrics.access.tokenCache },
    { ...configuration, nodeName, connectMode },
  );
  const observeAccess: ObserveAccess = ({ path }, verdict) =>
    metrics.access.decided(verdict, path.split("/")[1] ?? "", connectMode);
  const switches = switchesOf(configuration, gates);
  const listeners = createApiListeners(
    {
      listen: deps.listen,
      clock,
      log,
      main: createKubeletServer({ ...server, checkAccess, observeAccess }, switches),
      readOnly: createKubeletServer(server, switches),
      health: createHealthPortHandler(),
    },
    configuration,
  );
  return [heartbeat.unit, ...listeners];
}

function trailOf({ trailRecords, metrics, ...deps }: KubeletApiDeps, nodeName: string): Trail | undefined {
  if (trailRecords === undefined) return undefined;
  return createTrail({ ...deps, records: trailRecords, onDropped: metrics.access.trailDropped }, { nodeName });
}

function handlersOf(deps: KubeletApiDeps, options: KubeletApiOptions, checkSyncLoop: () => void) {
  const { pods, runtime, clock, log, host, metrics } = deps;
  const { configuration, gates } = options;
  const streaming = createStreamingHandlers(
    {
      pods,
      runtime: runtime.streaming,
      client: deps.streamingClient,
      inflate: deps.inflate,
      clock,
      log,
      onWebSocketStream: metrics.webSocketStream,
    },
    {
      extendWebSockets: gates.enabled("ExtendWebSocketsToKubelet"),
      idleMilliseconds: configuration.streamingConnectionIdleTimeout,
    },
  );
  const { observer, images, checkpoints } = runtime;
  return createRouteHandlers(
    {
      ...deps,
      streaming,
      images,
      checkpoints,
      usage: createUsageProvider({ observer, host, pods, clock, podProcess: deps.podProcess }),
      healthChecks: [
        { name: "ping", check: () => undefined },
        // The log is written synchronously: whoever gets an answer knows that nothing waits to be written.
        { name: "log", check: () => undefined },
        { name: "syncloop", check: checkSyncLoop },
      ],
    },
    {
      ...options,
      emulatedVersion: gates.emulatedVersion,
      startedAt: clock.now(),
      splitStreams: gates.enabled("PodLogsQuerySplitStreams"),
      paths: listedPaths(configuration, gates),
    },
  );
}
