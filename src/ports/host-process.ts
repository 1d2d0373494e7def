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
}

export interface ProcessFacts {
  usage(): Promise<ProcessUsage>;
  /** Seconds since the epoch. */
  readonly startedAt: number;
  /** e.g. "v20.19.0" */
  readonly runtimeVersion: string;
  /** The command line it was started with. */
  readonly commandLine: readonly string[];
}

/**
 * Profiles of this process, in the formats of its JavaScript engine. They tell functions and sizes, never values: a heap
 * snapshot would hold every token and Secret the process has seen. One at a time: throws Conflict while another runs.
 */
export interface Profiler {
  /** Where CPU time goes over some seconds (.cpuprofile, JSON). */
  cpuProfile(seconds: number, signal: AbortSignal): Promise<Uint8Array>;
  /** Where memory is allocated over some seconds, sampled (.heapprofile, JSON): what is still in use, or all of it. */
  heapProfile(seconds: number, which: "in-use" | "all", signal: AbortSignal): Promise<Uint8Array>;
}
