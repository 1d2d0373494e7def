import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { FeatureGates } from "../../api/feature-gates.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ProcessFacts } from "../../ports/host-process.ts";
import type { RunningCounts } from "../running-counts.ts";
import { type AccessMetrics, createAccessMetrics } from "./access-metrics.ts";
import { type RotatedCertificates, registerCertificateMetrics } from "./certificate-metrics.ts";
import { createHealthMetrics, type HealthMetrics } from "./health-metrics.ts";
import { registerComponentFacts } from "./component-facts.ts";
import { createProbeMetrics, type ProbeMetrics } from "./probe-metrics.ts";
import { registerProcessMetrics } from "./process-metrics.ts";
import { createRequestMetrics, type ObserveRequest } from "./request-metrics.ts";

export interface KubeletMetricsDeps {
  readonly clock: Clock;
  readonly process: ProcessFacts;
  readonly gates: FeatureGates;
  readonly certificates?: RotatedCertificates;
}

export interface KubeletMetricsOptions {
  readonly nodeName: string;
}

/** Numbers about this kubelet. Observers never throw and never wait. */
export interface KubeletMetrics {
  /** What /metrics shows, and where other parts of the kubelet register metrics of their own. */
  readonly registry: Registry;
  readonly request: ObserveRequest;
  readonly access: AccessMetrics;
  readonly probes: ProbeMetrics;
  readonly health: HealthMetrics;
  webSocketStream(subresource: "exec" | "attach" | "portforward"): void;
  /** The files of one volume were counted. */
  volumeCounted(seconds: number): void;
  /** Pods and containers the kubelet runs, asked at each scrape. Call once. */
  countRunning(count: () => RunningCounts): void;
}

export function createKubeletMetrics(deps: KubeletMetricsDeps, options: KubeletMetricsOptions): KubeletMetrics {
  const registry = new Registry();
  const registers = [registry];
  const webSockets = new Counter({
    name: "kubelet_websocket_streaming_requests_total",
    help: "[ALPHA] Total number of WebSocket streaming requests (exec/attach/portforward) received by the kubelet.",
    labelNames: ["subresource"] as const,
    registers,
  });
  const volumes = new Histogram({
    name: "kubelet_volume_metric_collection_duration_seconds",
    help: "[ALPHA] Duration in seconds to calculate volume stats",
    labelNames: ["metric_source"] as const,
    registers,
  });
  registerComponentFacts(registry, { ...deps, ...options });
  registerProcessMetrics(registry, deps.process);
  registerCertificateMetrics(registry, { clock: deps.clock, ...deps.certificates });
  return {
    registry,
    request: createRequestMetrics(deps, registry),
    access: createAccessMetrics(registry),
    probes: createProbeMetrics(deps.process.startedAt),
    health: createHealthMetrics(),
    webSocketStream: (subresource) => webSockets.inc({ subresource }),
    volumeCounted: (seconds) => volumes.observe({ metric_source: "du" }, seconds),
    countRunning: (count) => registerRunning(registry, count),
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
