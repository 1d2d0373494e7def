import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ContainerKind } from "../../core/pods/containers.ts";
import type { PoolCounts } from "../../core/userns/pool-level.ts";
import type { ObservePods } from "../pods/pod-observation.ts";

/** As upstream. */
const START_SECONDS = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];

/** Counts starts of pods and containers. The names are upstream's; an error is counted once for each start of a pod. */
export function createPodStartMetrics(registry: Registry): ObservePods {
  const registers = [registry];
  const pods = new Counter({
    name: "kubelet_started_pods_total",
    help: "[ALPHA] Cumulative number of pods started",
    registers,
  });
  const podErrors = new Counter({
    name: "kubelet_started_pods_errors_total",
    help: "[ALPHA] Cumulative number of errors when starting pods",
    registers,
  });
  const ownUsers = new Counter({
    name: "kubelet_started_user_namespaced_pods_total",
    help: "[ALPHA] Cumulative number of pods with user namespaces started. This metric will only be collected on Linux.",
    registers,
  });
  const ownUsersErrors = new Counter({
    name: "kubelet_started_user_namespaced_pods_errors_total",
    help: "[ALPHA] Cumulative number of errors when starting pods with user namespaces. This metric will only be collected on Linux.",
    registers,
  });
  const containers = new Counter({
    name: "kubelet_started_containers_total",
    help: "[ALPHA] Cumulative number of containers started",
    labelNames: ["container_type"] as const,
    registers,
  });
  const containerErrors = new Counter({
    name: "kubelet_started_containers_errors_total",
    help: "[ALPHA] Cumulative number of errors when starting containers",
    labelNames: ["container_type", "code"] as const,
    registers,
  });
  const started = new Histogram({
    name: "kubelet_pod_start_duration_seconds",
    help: "[ALPHA] Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run",
    buckets: START_SECONDS,
    registers,
  });
  const synced = new Histogram({
    name: "kubelet_pod_worker_duration_seconds",
    help: "[ALPHA] Duration in seconds to sync a single pod. Broken down by operation type: create, update, or sync",
    labelNames: ["operation_type"] as const,
    registers,
  });
  return (observation) => {
    switch (observation.type) {
      case "pod-starting":
        pods.inc();
        if (observation.pod.spec?.hostUsers === false) ownUsers.inc();
        break;
      case "pod-start-failed":
        if (observation.at === "sandbox") podErrors.inc();
        if (observation.pod.spec?.hostUsers === false) ownUsersErrors.inc();
        break;
      case "container-starting":
        containers.inc({ container_type: containerType(observation.kind) });
        break;
      case "container-start-failed":
        containerErrors.inc({ container_type: containerType(observation.kind), code: observation.reason });
        break;
      case "pod-synced":
        synced.observe({ operation_type: observation.operation }, observation.tookMs / 1_000);
        break;
      case "pod-running":
        started.observe(observation.sinceSeenMs / 1_000);
        break;
    }
  };
}

/** Ranges of user namespace IDs by state, asked at each scrape. */
export function registerUserNamespaceRanges(registry: Registry, counts: () => PoolCounts | undefined): void {
  const gauge: Gauge = new Gauge({
    name: "orlop_kubelet_user_namespace_ranges",
    help: "Ranges of user namespace IDs by state: used by pods, free, or reserved because of mapping files that can not be used",
    labelNames: ["state"],
    registers: [registry],
    collect: () => {
      for (const [state, value] of Object.entries(counts() ?? {})) gauge.set({ state }, value);
    },
  });
}

function containerType(kind: ContainerKind): string {
  if (kind === "init") return "init_container";
  return kind === "ephemeral" ? "ephemeral_container" : "container";
}
