/** What does not change while the machine runs. */
export interface MachineInformation {
  readonly hostname: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  /** Page size in bytes -> bytes set aside. */
  readonly hugepages: readonly { readonly pageSizeBytes: number; readonly bytes: number }[];
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  /** PRETTY_NAME of os-release. */
  readonly osImage: string;
  /** As Go names it: amd64, arm64. */
  readonly architecture: string;
  /** Milliseconds since the epoch. */
  readonly bootedAt: number;
}

export interface FilesystemUsage {
  /** Identifies the filesystem: two paths with the same value share capacity. */
  readonly device: number;
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

export interface MachineUsage {
  /** Milliseconds since the epoch of this sample. */
  readonly at: number;
  /** Cumulative, all CPUs. */
  readonly cpuUsageNanoseconds: number;
  readonly memoryTotalBytes: number;
  readonly memoryFreeBytes: number;
  readonly memoryAvailableBytes: number;
  /** File pages not used lately: not part of the working set. */
  readonly memoryInactiveFileBytes: number;
  /** Anonymous pages. */
  readonly memoryRssBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
  readonly processes: number;
  readonly processesMax: number;
}

/** Cumulative counters of one network interface. */
export interface InterfaceUsage {
  readonly name: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receiveErrors: number;
  readonly receiveDropped: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sendErrors: number;
  readonly sendDropped: number;
}

export interface HostAddress {
  readonly interface: string;
  readonly address: string;
  readonly family: 4 | 6;
  readonly loopback: boolean;
}

/** Facts about the host, read when asked. */
export interface HostFacts {
  machine(signal: AbortSignal): Promise<MachineInformation>;
  usage(signal: AbortSignal): Promise<MachineUsage>;
  filesystem(path: string): Promise<FilesystemUsage>;
  /** All addresses, and the one the default route would send from (undefined without a default route). */
  addresses(): Promise<{ readonly all: readonly HostAddress[]; readonly default?: string }>;
  /** Interfaces of the network namespace of `processId`, or of this process. */
  interfaces(processId?: number): Promise<readonly InterfaceUsage[]>;
  /** Bytes and inodes used by a directory tree, staying on its filesystem. Bounded: stops with `complete` false. */
  treeUsage(
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly usedBytes: number; readonly inodes: number; readonly complete: boolean }>;
}
