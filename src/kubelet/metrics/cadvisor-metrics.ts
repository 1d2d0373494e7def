import type { LinuxResources } from "../../core/pods/container-resources.ts";
import type { InterfaceUsage, MachineInformation } from "../../ports/host-facts.ts";
import type { MetricFamily, Sample } from "./exposition.ts";
import { groupByPod } from "./resource-metrics.ts";
import type { ContainerUsage, UsageSample } from "./usage-provider.ts";

const NANO = 1e9;

export interface CadvisorInput {
  readonly machine: MachineInformation;
  readonly sample: UsageSample;
  /** Image of a container by its id. */
  readonly imageOf: (usage: ContainerUsage) => string;
  /** What the kernel was told of a container; undefined when its pod is not known any more. */
  readonly resourcesOf: (usage: ContainerUsage) => LinuxResources | undefined;
  /** Interfaces by pod uid. */
  readonly interfaces: ReadonlyMap<string, readonly InterfaceUsage[]>;
}

/** Metrics of containers and machine under the names dashboards know from cAdvisor, as far as the runtime tells them. */
export function cadvisorMetrics(input: CadvisorInput): readonly MetricFamily[] {
  const { sample, machine } = input;
  const containers = (
    pick: (usage: ContainerUsage) => number | undefined,
    more: Readonly<Record<string, string>> = {},
  ): readonly Sample[] =>
    sample.containers.flatMap((usage) => {
      const value = pick(usage);
      if (value === undefined) return [];
      const { container, namespace, pod, containerId } = usage;
      const labels = {
        container,
        ...more,
        id: containerId,
        image: input.imageOf(usage),
        name: containerId,
        namespace,
        pod,
      };
      return [{ labels, value, timestamp: usage.stats.timestamp }];
    });
  const gauge = (name: string, help: string, samples: readonly Sample[]): MetricFamily => ({
    name,
    help,
    type: "gauge",
    samples,
  });
  const counter = (name: string, help: string, samples: readonly Sample[]): MetricFamily => ({
    name,
    help,
    type: "counter",
    samples,
  });
  const fact = (value: number): readonly Sample[] => [
    { labels: { boot_id: machine.bootId, machine_id: machine.machineId, system_uuid: machine.systemUuid }, value },
  ];
  return [
    gauge(
      "cadvisor_version_info",
      "A metric with a constant '1' value labeled by kernel version, OS version, docker version, cadvisor version & cadvisor revision.",
      [
        {
          labels: {
            cadvisorRevision: "",
            cadvisorVersion: "",
            dockerVersion: "",
            kernelVersion: machine.kernelVersion,
            osVersion: machine.osImage,
          },
          value: 1,
        },
      ],
    ),
    counter(
      "container_cpu_usage_seconds_total",
      "Cumulative cpu time consumed in seconds.",
      containers(
        ({ stats }) => (stats.cpuUsageNanoseconds === undefined ? undefined : stats.cpuUsageNanoseconds / NANO),
        { cpu: "total" },
      ),
    ),
    gauge(
      "container_fs_inodes_total",
      "Number of Inodes",
      containers(({ stats }) => stats.writableLayerInodes),
    ),
    gauge(
      "container_fs_usage_bytes",
      "Number of bytes that are consumed by the container on this filesystem.",
      containers(({ stats }) => stats.writableLayerUsedBytes),
    ),
    gauge(
      "container_last_seen",
      "Last time a container was seen by the exporter",
      containers(({ stats }) => Math.floor(stats.timestamp / 1_000)),
    ),
    gauge(
      "container_memory_rss",
      "Size of RSS in bytes.",
      containers(({ stats }) => stats.memoryRssBytes),
    ),
    gauge(
      "container_memory_usage_bytes",
      "Current memory usage in bytes, including all memory regardless of when it was accessed",
      containers(({ stats }) => stats.memoryUsageBytes),
    ),
    gauge(
      "container_memory_working_set_bytes",
      "Current working set in bytes.",
      containers(({ stats }) => stats.memoryWorkingSetBytes),
    ),
    ...networkFamilies(input, counter),
    gauge("container_scrape_error", "1 if there was an error while getting container metrics, 0 otherwise", [
      { labels: {}, value: 0 },
    ]),
    gauge(
      "container_spec_cpu_period",
      "CPU period of the container.",
      containers((usage) => input.resourcesOf(usage)?.cpuPeriod),
    ),
    gauge(
      "container_spec_cpu_quota",
      "CPU quota of the container.",
      containers((usage) => input.resourcesOf(usage)?.cpuQuota),
    ),
    gauge(
      "container_spec_cpu_shares",
      "CPU share of the container.",
      containers((usage) => input.resourcesOf(usage)?.cpuShares),
    ),
    gauge(
      "container_spec_memory_limit_bytes",
      "Memory limit for the container.",
      containers((usage) => {
        const resources = input.resourcesOf(usage);
        return resources === undefined ? undefined : (resources.memoryLimitBytes ?? 0);
      }),
    ),
    gauge(
      "container_start_time_seconds",
      "Start time of the container since unix epoch in seconds.",
      containers(({ startedAt }) => (startedAt === undefined ? undefined : startedAt / 1_000)),
    ),
    gauge("machine_cpu_cores", "Number of logical CPU cores.", fact(machine.cpus)),
    gauge("machine_memory_bytes", "Amount of memory installed on the machine.", fact(machine.memoryBytes)),
    gauge("machine_swap_bytes", "Amount of swap memory available on the machine.", fact(machine.swapBytes)),
  ];
}

function networkFamilies(
  { sample, interfaces }: CadvisorInput,
  counter: (name: string, help: string, samples: readonly Sample[]) => MetricFamily,
): readonly MetricFamily[] {
  const pods = groupByPod(sample.containers);
  const samples = (pick: (usage: InterfaceUsage) => number): readonly Sample[] =>
    [...pods].flatMap(([uid, [first]]) =>
      first === undefined
        ? []
        : (interfaces.get(uid) ?? []).map((usage) => ({
            // The network belongs to the pod, not to one of its containers.
            labels: {
              container: "",
              id: uid,
              image: "",
              interface: usage.name,
              name: "",
              namespace: first.namespace,
              pod: first.pod,
            },
            value: pick(usage),
            timestamp: first.stats.timestamp,
          })),
    );
  return [
    counter(
      "container_network_receive_bytes_total",
      "Cumulative count of bytes received",
      samples(({ receivedBytes }) => receivedBytes),
    ),
    counter(
      "container_network_receive_errors_total",
      "Cumulative count of errors encountered while receiving",
      samples(({ receiveErrors }) => receiveErrors),
    ),
    counter(
      "container_network_receive_packets_dropped_total",
      "Cumulative count of packets dropped while receiving",
      samples(({ receiveDropped }) => receiveDropped),
    ),
    counter(
      "container_network_receive_packets_total",
      "Cumulative count of packets received",
      samples(({ receivedPackets }) => receivedPackets),
    ),
    counter(
      "container_network_transmit_bytes_total",
      "Cumulative count of bytes transmitted",
      samples(({ sentBytes }) => sentBytes),
    ),
    counter(
      "container_network_transmit_errors_total",
      "Cumulative count of errors encountered while transmitting",
      samples(({ sendErrors }) => sendErrors),
    ),
    counter(
      "container_network_transmit_packets_dropped_total",
      "Cumulative count of packets dropped while transmitting",
      samples(({ sendDropped }) => sendDropped),
    ),
    counter(
      "container_network_transmit_packets_total",
      "Cumulative count of packets transmitted",
      samples(({ sentPackets }) => sentPackets),
    ),
  ];
}
