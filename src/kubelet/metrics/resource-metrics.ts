import type { MetricFamily, Sample } from "./exposition.ts";
import type { ContainerUsage, UsageSample } from "./usage-provider.ts";

const NANO = 1e9;

/** The families of /metrics/resource, which autoscalers read. `undefined` stands for a scrape that failed. */
export function resourceMetrics(sample: UsageSample | undefined): readonly MetricFamily[] {
  const containers = sample?.containers ?? [];
  const pods = groupByPod(containers);
  const perContainer = (pick: (usage: ContainerUsage) => number | undefined): readonly Sample[] =>
    containers.flatMap((usage) => {
      const value = pick(usage);
      const { container, namespace, pod } = usage;
      return value === undefined
        ? []
        : [{ labels: { container, namespace, pod }, value, timestamp: usage.stats.timestamp }];
    });
  const perPod = (pick: (usage: ContainerUsage) => number | undefined): readonly Sample[] =>
    [...pods.values()].flatMap(([first, ...rest]) => {
      if (first === undefined) return [];
      const values = [first, ...rest].map(pick).filter((value) => value !== undefined);
      if (values.length === 0) return [];
      const { namespace, pod } = first;
      return [
        {
          labels: { namespace, pod },
          value: values.reduce((sum, value) => sum + value, 0),
          timestamp: first.stats.timestamp,
        },
      ];
    });
  const cpu = ({ stats }: ContainerUsage): number | undefined =>
    stats.cpuUsageNanoseconds === undefined ? undefined : stats.cpuUsageNanoseconds / NANO;
  const memory = ({ stats }: ContainerUsage): number | undefined => stats.memoryWorkingSetBytes;
  return [
    {
      name: "container_cpu_usage_seconds_total",
      help: "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
      type: "counter",
      samples: perContainer(cpu),
    },
    {
      name: "container_memory_working_set_bytes",
      help: "[STABLE] Current working set of the container in bytes",
      type: "gauge",
      samples: perContainer(memory),
    },
    {
      name: "container_start_time_seconds",
      help: "[STABLE] Start time of the container since unix epoch in seconds",
      type: "gauge",
      samples: perContainer(({ startedAt }) => (startedAt === undefined ? undefined : startedAt / 1_000)),
    },
    ...nodeFamilies(sample),
    {
      name: "pod_cpu_usage_seconds_total",
      help: "[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
      type: "counter",
      samples: perPod(cpu),
    },
    {
      name: "pod_memory_working_set_bytes",
      help: "[STABLE] Current working set of the pod in bytes",
      type: "gauge",
      samples: perPod(memory),
    },
    {
      name: "resource_scrape_error",
      help: "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise",
      type: "gauge",
      samples: [{ labels: {}, value: sample === undefined ? 1 : 0 }],
    },
  ];
}

function nodeFamilies(sample: UsageSample | undefined): readonly MetricFamily[] {
  if (sample === undefined) return [];
  const { machine } = sample;
  const timestamp = machine.at;
  return [
    {
      name: "node_cpu_usage_seconds_total",
      help: "[STABLE] Cumulative cpu time consumed by the node in core-seconds",
      type: "counter",
      samples: [{ labels: {}, value: machine.cpuUsageNanoseconds / NANO, timestamp }],
    },
    {
      name: "node_memory_working_set_bytes",
      help: "[STABLE] Current working set of the node in bytes",
      type: "gauge",
      samples: [{ labels: {}, value: nodeWorkingSet(sample), timestamp }],
    },
    {
      name: "node_swap_usage_bytes",
      help: "[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems",
      type: "gauge",
      samples: [{ labels: {}, value: machine.swapTotalBytes - machine.swapFreeBytes, timestamp }],
    },
  ];
}

/** Memory in use without file pages that nobody touched lately. */
export function nodeWorkingSet({ machine }: UsageSample): number {
  return Math.max(0, machine.memoryTotalBytes - machine.memoryFreeBytes - machine.memoryInactiveFileBytes);
}

export function groupByPod(containers: readonly ContainerUsage[]): ReadonlyMap<string, readonly ContainerUsage[]> {
  const groups = new Map<string, ContainerUsage[]>();
  for (const usage of containers) {
    const group = groups.get(usage.podUid);
    if (group === undefined) groups.set(usage.podUid, [usage]);
    else group.push(usage);
  }
  return groups;
}
