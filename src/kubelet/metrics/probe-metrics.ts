import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ObserveProbes, ProbedContainer } from "../probes/probe-manager.ts";
import { PROBE_NAMES } from "../probes/probe-kind.ts";

export interface ProbeMetrics {
  /** What /metrics/probes shows. */
  readonly registry: Registry;
  readonly observe: ObserveProbes;
}

const RESULTS = ["successful", "failed", "unknown"] as const;
const LABELS = ["probe_type", "container", "pod", "namespace"] as const;

/** Results of container probes, as long as the container is probed. @param startedAt seconds since the epoch */
export function createProbeMetrics(startedAt: number): ProbeMetrics {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: "process_start_time_seconds",
    help: "[ALPHA] Start time of the process since unix epoch in seconds.",
    registers,
  }).set(startedAt);
  const probes = new Counter({
    name: "prober_probe_total",
    help: "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.",
    labelNames: [...LABELS, "result", "pod_uid"] as const,
    registers,
  });
  const durations = new Histogram({
    name: "prober_probe_duration_seconds",
    help: "[ALPHA] Duration in seconds for a probe response.",
    labelNames: LABELS,
    registers,
  });
  const labelsOf = ({ kind, container, pod, namespace }: ProbedContainer) => ({
    probe_type: PROBE_NAMES[kind],
    container,
    pod,
    namespace,
  });
  return {
    registry,
    observe: {
      probed(probed, result, seconds) {
        const labels = labelsOf(probed);
        probes.inc({ ...labels, pod_uid: probed.podUid, result });
        if (result === "successful") durations.observe(labels, seconds);
      },
      ended(probed) {
        const labels = labelsOf(probed);
        for (const result of RESULTS) probes.remove({ ...labels, pod_uid: probed.podUid, result });
        durations.remove(labels);
      },
    },
  };
}
