/** What this process uses, for its own metrics. */
export interface ProcessUsage {
  /** User and system time in seconds. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly virtualBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly openFiles: number;
  readonly maximumFiles: number;
  /** Seconds since the epoch. */
  readonly startedAt: number;
}

export interface ProcessFacts {
  usage(): Promise<ProcessUsage>;
  /** e.g. "v20.19.0" */
  readonly runtimeVersion: string;
  /** The command line it was started with. */
  readonly commandLine: readonly string[];
}

/** Profiles of this process, in the formats of its JavaScript engine. */
export interface Profiler {
  /** A CPU profile over some seconds (.cpuprofile, JSON). One at a time: throws Conflict while another runs. */
  cpuProfile(seconds: number, signal: AbortSignal): Promise<Uint8Array>;
  /** A heap snapshot (.heapsnapshot, JSON), in pieces. */
  heapSnapshot(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** A sampling profile of allocations over some seconds (.heapprofile, JSON). */
  allocationProfile(seconds: number, signal: AbortSignal): Promise<Uint8Array>;
}
