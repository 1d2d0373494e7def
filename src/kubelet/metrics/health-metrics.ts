import { Counter, Gauge, Registry } from "prom-client";

export interface HealthMetrics {
  /** What /metrics/slis shows. */
  readonly registry: Registry;
  checked(name: string, healthy: boolean): void;
  /** Begins anew. */
  reset(): void;
}

/** Results of health checks, for service level indicators. */
export function createHealthMetrics(): HealthMetrics {
  const registry = new Registry();
  const registers = [registry];
  const healthy = new Gauge({
    name: "kubernetes_healthcheck",
    help: "[STABLE] This metric records the result of a single healthcheck.",
    labelNames: ["name", "type"] as const,
    registers,
  });
  const checks = new Counter({
    name: "kubernetes_healthchecks_total",
    help: "[STABLE] This metric records the results of all healthcheck.",
    labelNames: ["name", "status", "type"] as const,
    registers,
  });
  return {
    registry,
    checked(name, isHealthy) {
      healthy.set({ name, type: "healthz" }, isHealthy ? 1 : 0);
      checks.inc({ name, type: "healthz", status: isHealthy ? "success" : "error" });
    },
    reset: () => registry.resetMetrics(),
  };
}
