import type { Pod } from "../../api/types.ts";
import type { FilesystemUsage, InterfaceUsage } from "../../ports/host-facts.ts";
import { groupByPod, nodeWorkingSet } from "./resource-metrics.ts";
import type { ContainerUsage, UsageSample } from "./usage-provider.ts";

/** Space of a directory, on the filesystem it lies on. */
export interface DirectoryUsage {
  readonly filesystem: FilesystemUsage;
  readonly usedBytes: number;
  readonly inodes: number;
}

export interface PodStorage {
  readonly volumes: readonly {
    readonly name: string;
    readonly usage: DirectoryUsage;
    readonly claim?: { readonly name: string; readonly namespace: string };
  }[];
  /** By container name. */
  readonly logs: ReadonlyMap<string, DirectoryUsage>;
}

export interface SummaryInput {
  readonly nodeName: string;
  /** Milliseconds since the epoch. */
  readonly bootedAt: number;
  readonly sample: UsageSample;
  readonly nodeFilesystem?: FilesystemUsage;
  readonly imageFilesystem?: {
    readonly filesystem: FilesystemUsage;
    readonly usedBytes: number;
    readonly usedInodes: number;
  };
  readonly nodeInterfaces: readonly InterfaceUsage[];
  readonly defaultInterface?: string;
  readonly podByUid: (uid: string) => Pod | undefined;
  readonly podInterfaces: ReadonlyMap<string, readonly InterfaceUsage[]>;
  readonly podStorage: ReadonlyMap<string, PodStorage>;
  readonly onlyCpuAndMemory: boolean;
}

type Json = Readonly<Record<string, unknown>>;

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
}

/** The body of /stats/summary. */
export function statsSummary(input: SummaryInput): Json {
  const pods = groupByPod(input.sample.containers);
  return { node: nodeStats(input), pods: [...pods].map(([uid, containers]) => podStats(input, uid, containers)) };
}

function nodeStats(input: SummaryInput): Json {
  const { machine, machineNanoCores } = input.sample;
  const at = time(machine.at);
  const usage = machine.memoryTotalBytes - machine.memoryFreeBytes;
  const workingSet = nodeWorkingSet(input.sample);
  const base = {
    nodeName: input.nodeName,
    startTime: time(input.bootedAt),
    cpu: {
      time: at,
      ...(machineNanoCores !== undefined && { usageNanoCores: machineNanoCores }),
      usageCoreNanoSeconds: machine.cpuUsageNanoseconds,
    },
    memory: {
      time: at,
      availableBytes: machine.memoryTotalBytes - workingSet,
      usageBytes: usage,
      workingSetBytes: workingSet,
      rssBytes: machine.memoryRssBytes,
      pageFaults: machine.pageFaults,
      majorPageFaults: machine.majorPageFaults,
    },
  };
  if (input.onlyCpuAndMemory) return base;
  return {
    ...base,
    ...networkStats(at, input.nodeInterfaces, input.defaultInterface),
    ...(input.nodeFilesystem !== undefined && { fs: filesystemStats(at, input.nodeFilesystem) }),
    ...(input.imageFilesystem !== undefined && { runtime: runtimeStats(at, input.imageFilesystem) }),
    rlimit: { time: at, maxpid: machine.processesMax, curproc: machine.processes },
    swap: {
      time: at,
      swapAvailableBytes: machine.swapFreeBytes,
      swapUsageBytes: machine.swapTotalBytes - machine.swapFreeBytes,
    },
  };
}

function runtimeStats(at: string, image: NonNullable<SummaryInput["imageFilesystem"]>): Json {
  const own = { ...filesystemStats(at, image.filesystem), usedBytes: image.usedBytes, inodesUsed: image.usedInodes };
  return { imageFs: own, containerFs: own };
}

function filesystemStats(at: string, usage: FilesystemUsage): Json {
  return {
    time: at,
    availableBytes: usage.availableBytes,
    capacityBytes: usage.capacityBytes,
    usedBytes: usage.usedBytes,
    inodesFree: usage.inodesFree,
    inodes: usage.inodes,
    inodesUsed: usage.inodes - usage.inodesFree,
  };
}

function directoryStats(at: string, { filesystem, usedBytes, inodes }: DirectoryUsage): Json {
  return { ...filesystemStats(at, filesystem), usedBytes, inodesUsed: inodes };
}

function networkStats(at: string, interfaces: readonly InterfaceUsage[], preferred?: string): Json {
  if (interfaces.length === 0) return {};
  const rows = interfaces.map(({ name, receivedBytes, receiveErrors, sentBytes, sendErrors }) => {
    return { name, rxBytes: receivedBytes, rxErrors: receiveErrors, txBytes: sentBytes, txErrors: sendErrors };
  });
  const first = rows.find(({ name }) => name === (preferred ?? "eth0")) ?? rows[0];
  return { network: { time: at, ...first, interfaces: rows } };
}

function podStats(input: SummaryInput, uid: string, containers: readonly ContainerUsage[]): Json {
  const [first] = containers;
  const pod = input.podByUid(uid);
  const at = time(first?.stats.timestamp ?? input.sample.machine.at);
  const sum = (pick: (usage: ContainerUsage) => number | undefined): number | undefined => {
    const values = containers.map(pick).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0);
  };
  const storage = input.podStorage.get(uid);
  const started = pod?.status?.startTime ?? first?.startedAt;
  const base = {
    podRef: { name: first?.pod ?? "", namespace: first?.namespace ?? "", uid },
    startTime: typeof started === "number" ? time(started) : (started ?? null),
    containers: containers.map((usage) => containerStats(input, usage, storage)),
    cpu: cpuStats(
      at,
      sum(({ nanoCores }) => nanoCores),
      sum(({ stats }) => stats.cpuUsageNanoseconds),
    ),
    memory: {
      time: at,
      ...optional(
        "usageBytes",
        sum(({ stats }) => stats.memoryUsageBytes),
      ),
      ...optional(
        "workingSetBytes",
        sum(({ stats }) => stats.memoryWorkingSetBytes),
      ),
      ...optional(
        "rssBytes",
        sum(({ stats }) => stats.memoryRssBytes),
      ),
    },
  };
  if (input.onlyCpuAndMemory) return base;
  const written = sum(({ stats }) => stats.writableLayerUsedBytes) ?? 0;
  // What lies behind a claim is not on the node's disk.
  const own = (storage?.volumes ?? []).filter(({ claim }) => claim === undefined).map(({ usage }) => usage);
  const kept = [...own, ...(storage?.logs.values() ?? [])];
  return {
    ...base,
    ...networkStats(at, input.podInterfaces.get(uid) ?? []),
    ...(storage !== undefined && {
      volume: storage.volumes.map(({ name, usage, claim }) => ({
        ...directoryStats(at, usage),
        name,
        ...(claim !== undefined && { pvcRef: claim }),
      })),
    }),
    ...(input.nodeFilesystem !== undefined && {
      "ephemeral-storage": {
        ...filesystemStats(at, input.nodeFilesystem),
        usedBytes: written + kept.reduce((total, { usedBytes }) => total + usedBytes, 0),
        inodesUsed: kept.reduce((total, { inodes }) => total + inodes, 0),
      },
    }),
  };
}

function containerStats(input: SummaryInput, usage: ContainerUsage, storage: PodStorage | undefined): Json {
  const { stats } = usage;
  const at = time(stats.timestamp);
  const image = input.imageFilesystem?.filesystem;
  const logs = storage?.logs.get(usage.container);
  return {
    name: usage.container,
    startTime: usage.startedAt === undefined ? null : time(usage.startedAt),
    cpu: cpuStats(at, usage.nanoCores, stats.cpuUsageNanoseconds),
    memory: {
      time: at,
      ...optional("usageBytes", stats.memoryUsageBytes),
      ...optional("workingSetBytes", stats.memoryWorkingSetBytes),
      ...optional("rssBytes", stats.memoryRssBytes),
    },
    ...(!input.onlyCpuAndMemory && {
      rootfs: {
        time: at,
        ...(image !== undefined && {
          availableBytes: image.availableBytes,
          capacityBytes: image.capacityBytes,
          inodesFree: image.inodesFree,
          inodes: image.inodes,
        }),
        ...optional("usedBytes", stats.writableLayerUsedBytes),
        ...optional("inodesUsed", stats.writableLayerInodes),
      },
      ...(logs !== undefined && { logs: directoryStats(at, logs) }),
    }),
  };
}

function cpuStats(at: string, nanoCores: number | undefined, nanoseconds: number | undefined): Json {
  return { time: at, ...optional("usageNanoCores", nanoCores), ...optional("usageCoreNanoSeconds", nanoseconds) };
}

function optional(name: string, value: number | undefined): Json {
  return value === undefined ? {} : { [name]: value };
}
