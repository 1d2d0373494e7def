import { Counter, Gauge, type Registry } from "prom-client";
import type { ContainerKind } from "../../core/pods/containers.ts";
import type { PoolCounts } from "../../core/userns/pool-level.ts";
import type { ObservePods } from "../pods/pod-observation.ts";

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
      case "pod-running":
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
