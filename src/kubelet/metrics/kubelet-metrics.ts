import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { FeatureGates } from "../../api/feature-gates.ts";
import { GIT_VERSION, KUBERNETES_VERSION } from "../../api/version.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ProcessFacts, ProcessUsage } from "../../ports/host-process.ts";

export interface KubeletMetricsDeps {
  readonly clock: Clock;
  readonly process: ProcessFacts;
  readonly gates: FeatureGates;
}

export interface KubeletMetricsOptions {
  readonly nodeName: string;
}

export interface RequestLabels {
  readonly method: string;
  readonly bucket: string;
  readonly longRunning: boolean;
  readonly serverType: "readonly" | "readwrite";
}

/** How a request to the kubelet's API was decided. */
export type AccessOutcome = "allowed" | "allowed-by-proxy" | "forbidden" | "error" | "unauthenticated";

/** Numbers about this kubelet. Observers never throw and never wait. */
export interface KubeletMetrics {
  /** Call at the start of a request; call the result at its end. */
  request(labels: RequestLabels): () => void;
  access(outcome: AccessOutcome, subresource: string): void;
  /** A caller with `get` only asked for exec, attach, portForward or run. */
  getOnlyConnect(path: string, mode: "enforce" | "warn" | "legacy"): void;
  /** A record of the trail could not be kept. */
  trailDropped(): void;
  webSocketStream(subresource: "exec" | "attach" | "portforward"): void;
  delegated(kind: "authn" | "authz", code: string, seconds: number): void;
  probe(labels: Readonly<Record<string, string>>, result: "successful" | "failed" | "unknown", seconds: number): void;
  forgetProbes(podUid: string): void;
  healthCheck(name: string, healthy: boolean): void;
  resetHealthChecks(): void;
  /** Pods and containers the kubelet runs, asked at each scrape. */
  countRunning(count: () => RunningCounts): void;
  /** Where other parts of the kubelet register metrics of their own. */
  readonly registry: Registry;
  readonly probeRegistry: Registry;
  readonly sliRegistry: Registry;
}

export interface RunningCounts {
  readonly pods: number;
  /** By state: created, running, exited, unknown. */
  readonly containers: Readonly<Record<string, number>>;
  readonly desired: number;
}

const REQUEST_LABELS = ["method", "path", "server_type", "long_running"] as const;
const METHODS = new Set(["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"]);
const DELEGATED_BUCKETS = [0.25, 0.5, 0.7, 1, 1.5, 3, 5, 10];
const PROBE_LABELS = ["probe_type", "container", "pod", "namespace", "pod_uid"] as const;

export function createKubeletMetrics(deps: KubeletMetricsDeps, options: KubeletMetricsOptions): KubeletMetrics {
  const registry = new Registry();
  const probeRegistry = new Registry();
  const sliRegistry = new Registry();
  const registers = [registry];

  const requests = new Counter({
    name: "kubelet_http_requests_total",
    help: "[ALPHA] Number of the http requests received since the server started",
    labelNames: REQUEST_LABELS,
    registers,
  });
  const durations = new Histogram({
    name: "kubelet_http_requests_duration_seconds",
    help: "[ALPHA] Duration in seconds to serve http requests",
    labelNames: REQUEST_LABELS,
    registers,
  });
  const inflight = new Gauge({
    name: "kubelet_http_inflight_requests",
    help: "[ALPHA] Number of the inflight http requests",
    labelNames: REQUEST_LABELS,
    registers,
  });
  const accesses = new Counter({
    name: "orlop_kubelet_api_decisions_total",
    help: "Decisions about requests to the kubelet API by the nodes subresource they were decided on",
    labelNames: ["subresource", "decision"] as const,
    registers,
  });
  const getOnly = new Counter({
    name: "orlop_kubelet_get_only_connects_total",
    help: "Requests for exec, attach, portForward or run by callers that are granted get but not create",
    labelNames: ["path", "mode"] as const,
    registers,
  });
  const trailDropped = new Counter({
    name: "orlop_kubelet_trail_dropped_total",
    help: "Records of the trail of requests to the kubelet API that could not be kept",
    registers,
  });
  const webSockets = new Counter({
    name: "kubelet_websocket_streaming_requests_total",
    help: "[ALPHA] Total number of WebSocket streaming requests (exec/attach/portforward) received by the kubelet.",
    labelNames: ["subresource"] as const,
    registers,
  });
  const delegated = delegatedMetrics(registers);
  const probes = new Counter({
    name: "prober_probe_total",
    help: "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.",
    labelNames: [...PROBE_LABELS, "result"] as const,
    registers: [probeRegistry],
  });
  const probeDurations = new Histogram({
    name: "prober_probe_duration_seconds",
    help: "[ALPHA] Duration in seconds for a probe response.",
    labelNames: PROBE_LABELS.filter((name) => name !== "pod_uid"),
    registers: [probeRegistry],
  });
  const healthy = new Gauge({
    name: "kubernetes_healthcheck",
    help: "[STABLE] This metric records the result of a single healthcheck.",
    labelNames: ["name", "type"] as const,
    registers: [sliRegistry],
  });
  const healthChecks = new Counter({
    name: "kubernetes_healthchecks_total",
    help: "[STABLE] This metric records the results of all healthcheck.",
    labelNames: ["name", "status", "type"] as const,
    registers: [sliRegistry],
  });
  registerFacts(registry, deps, options);
  const probeSeries = new Map<string, Set<string>>();

  return {
    registry,
    probeRegistry,
    sliRegistry,
    request: ({ method, bucket, longRunning, serverType }) => {
      const labels = {
        method: METHODS.has(method) ? method : "other",
        path: bucket,
        server_type: serverType,
        long_running: String(longRunning),
      };
      const begun = deps.clock.monotonic();
      requests.inc(labels);
      inflight.inc(labels);
      return () => {
        inflight.dec(labels);
        durations.observe(labels, (deps.clock.monotonic() - begun) / 1_000);
      };
    },
    access: (decision, subresource) => accesses.inc({ decision, subresource }),
    getOnlyConnect: (path, mode) => getOnly.inc({ path, mode }),
    trailDropped: () => trailDropped.inc(),
    webSocketStream: (subresource) => webSockets.inc({ subresource }),
    delegated,
    probe: (labels, result, seconds) => {
      const { pod_uid: uid = "", ...rest } = labels;
      probes.inc({ ...labels, result });
      probeDurations.observe(rest, seconds);
      const series = probeSeries.get(uid) ?? new Set<string>();
      series.add(JSON.stringify(labels));
      probeSeries.set(uid, series);
    },
    forgetProbes: (podUid) => {
      for (const text of probeSeries.get(podUid) ?? []) {
        const labels = JSON.parse(text) as Record<string, string>;
        for (const result of ["successful", "failed", "unknown"]) probes.remove({ ...labels, result });
        const { pod_uid: _, ...rest } = labels;
        probeDurations.remove(rest);
      }
      probeSeries.delete(podUid);
    },
    healthCheck: (name, isHealthy) => {
      healthy.set({ name, type: "healthz" }, isHealthy ? 1 : 0);
      healthChecks.inc({ name, type: "healthz", status: isHealthy ? "success" : "error" });
    },
    resetHealthChecks: () => sliRegistry.resetMetrics(),
    countRunning: (count) => registerRunning(registry, count),
  };
}

function delegatedMetrics(registers: Registry[]): KubeletMetrics["delegated"] {
  const make = (kind: "authn" | "authz", what: string) => ({
    total: new Counter({
      name: `apiserver_delegated_${kind}_request_total`,
      help: `[ALPHA] Number of HTTP requests to ${what} partitioned by status code.`,
      labelNames: ["code"] as const,
      registers,
    }),
    duration: new Histogram({
      name: `apiserver_delegated_${kind}_request_duration_seconds`,
      help: "[ALPHA] Request latency in seconds. Broken down by status code.",
      labelNames: ["code"] as const,
      buckets: DELEGATED_BUCKETS,
      registers,
    }),
  });
  const metrics = {
    authn: make("authn", "the authentication webhook"),
    authz: make("authz", "the authorization webhook"),
  };
  return (kind, code, seconds) => {
    metrics[kind].total.inc({ code });
    metrics[kind].duration.observe({ code }, seconds);
  };
}

function registerRunning(registry: Registry, count: () => RunningCounts): void {
  const gauge = (
    name: string,
    help: string,
    set: (gauge: Gauge, counts: RunningCounts) => void,
    labelNames: string[] = [],
  ): void => {
    const made: Gauge = new Gauge({ name, help, labelNames, registers: [registry], collect: () => set(made, count()) });
  };
  gauge("kubelet_running_pods", "[ALPHA] Number of pods that have a running pod sandbox", (made, { pods }) =>
    made.set(pods),
  );
  gauge(
    "kubelet_desired_pods",
    "[ALPHA] The number of pods the kubelet is being instructed to run.",
    (made, { desired }) => made.set(desired),
  );
  gauge(
    "kubelet_running_containers",
    "[ALPHA] Number of containers currently running",
    (made, { containers }) => {
      for (const [state, value] of Object.entries(containers)) made.set({ container_state: state }, value);
    },
    ["container_state"],
  );
}

/** What is known once and for all, and what the process uses. */
function registerFacts(registry: Registry, deps: KubeletMetricsDeps, options: KubeletMetricsOptions): void {
  const registers = [registry];
  const features = new Gauge({
    name: "kubernetes_feature_enabled",
    help: "[BETA] This metric records the data about the stage and enablement of a k8s feature.",
    labelNames: ["name", "stage"] as const,
    registers,
  });
  for (const { name, stage, enabled } of deps.gates.all) features.set({ name, stage }, enabled ? 1 : 0);
  const [major = "1", minor = ""] = KUBERNETES_VERSION.split(".");
  new Gauge({
    name: "kubernetes_build_info",
    help: "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version, platform and the runtime's version.",
    labelNames: ["major", "minor", "git_version", "go_version", "platform"] as const,
    registers,
  }).set({ major, minor, git_version: GIT_VERSION, go_version: deps.process.runtimeVersion, platform: "linux" }, 1);
  new Gauge({
    name: "kubelet_node_name",
    help: "[ALPHA] The node's name. The count is always 1.",
    labelNames: ["node"] as const,
    registers,
  }).set({ node: options.nodeName }, 1);
  new Gauge({
    name: "kubelet_metrics_provider",
    help: "[ALPHA] Metrics provider used by kubelet to collect container stats. Values can be 'cadvisor' and 'cri'",
    labelNames: ["provider"] as const,
    registers,
  }).set({ provider: "cri" }, 1);
  registerProcess(registry, deps.process);
}

function registerProcess(registry: Registry, facts: ProcessFacts): void {
  // One look at /proc serves all metrics of a scrape.
  let reading: Promise<ProcessUsage> | undefined;
  const read = (): Promise<ProcessUsage> => {
    reading ??= facts.usage().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const registers = [registry];
  const cpu: Counter = new Counter({
    name: "process_cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds.",
    registers,
    collect: async () => {
      const { cpuSeconds } = await read();
      cpu.reset();
      cpu.inc(cpuSeconds);
    },
  });
  const gauges: readonly (readonly [string, string, (usage: ProcessUsage) => number])[] = [
    ["process_max_fds", "Maximum number of open file descriptors.", ({ maximumFiles }) => maximumFiles],
    ["process_open_fds", "Number of open file descriptors.", ({ openFiles }) => openFiles],
    ["process_resident_memory_bytes", "Resident memory size in bytes.", ({ residentBytes }) => residentBytes],
    [
      "process_start_time_seconds",
      "Start time of the process since unix epoch in seconds.",
      ({ startedAt }) => startedAt,
    ],
    ["process_virtual_memory_bytes", "Virtual memory size in bytes.", ({ virtualBytes }) => virtualBytes],
    [
      "nodejs_heap_size_used_bytes",
      "Process heap size used from Node.js in bytes.",
      ({ heapUsedBytes }) => heapUsedBytes,
    ],
    [
      "nodejs_heap_size_total_bytes",
      "Process heap size from Node.js in bytes.",
      ({ heapTotalBytes }) => heapTotalBytes,
    ],
  ];
  for (const [name, help, pick] of gauges) {
    const gauge: Gauge = new Gauge({ name, help, registers, collect: async () => gauge.set(pick(await read())) });
  }
}
