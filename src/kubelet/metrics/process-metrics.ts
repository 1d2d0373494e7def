import { Counter, Gauge, type Registry } from "prom-client";
import type { ProcessFacts, ProcessUsage } from "../../ports/host-process.ts";

/** What this process uses, under the names Prometheus' client libraries have for it. */
export function registerProcessMetrics(registry: Registry, facts: ProcessFacts): void {
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
  new Gauge({
    name: "process_start_time_seconds",
    help: "Start time of the process since unix epoch in seconds.",
    registers,
  }).set(facts.startedAt);
  for (const [name, help, pick] of gauges) {
    const gauge: Gauge = new Gauge({ name, help, registers, collect: async () => gauge.set(pick(await read())) });
  }
}
