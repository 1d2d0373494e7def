import type { FilesystemUsage, MachineUsage } from "../../ports/host-facts.ts";
import { type EvictionThresholds, thresholdBytes } from "./eviction-thresholds.ts";

export interface Pressure {
  readonly memory: boolean;
  readonly disk: boolean;
  readonly pid: boolean;
}

export interface PressureSample {
  readonly machine: MachineUsage;
  /** Filesystem of the kubelet's root; undefined when it can not be read. */
  readonly nodeFilesystem: FilesystemUsage | undefined;
  readonly imageFilesystem: FilesystemUsage | undefined;
}

/** When each pressure was last seen, monotonic milliseconds. */
export interface PressureMemory {
  readonly memory?: number;
  readonly disk?: number;
  readonly pid?: number;
}

/** Which thresholds a sample is below. */
export function samplePressure(thresholds: EvictionThresholds, sample: PressureSample): Pressure {
  const below = (signal: string, available: number, capacity: number): boolean => {
    const threshold = thresholds.get(signal);
    return threshold !== undefined && available < thresholdBytes(threshold, capacity);
  };
  const full = (prefix: string, usage: FilesystemUsage | undefined): boolean =>
    usage !== undefined &&
    (below(`${prefix}.available`, usage.availableBytes, usage.capacityBytes) ||
      // Some filesystems have no fixed number of inodes and report none.
      (usage.inodes > 0 && below(`${prefix}.inodesFree`, usage.inodesFree, usage.inodes)));
  const { machine } = sample;
  return {
    memory: below("memory.available", machine.memoryAvailableBytes, machine.memoryTotalBytes),
    disk: full("nodefs", sample.nodeFilesystem) || full("imagefs", sample.imageFilesystem),
    pid: below("pid.available", machine.processesMax - machine.processes, machine.processesMax),
  };
}

/** A pressure holds until it has not been seen for `transitionPeriod` milliseconds, so that conditions do not flap. */
export function holdPressure(
  seen: Pressure,
  memory: PressureMemory,
  now: number,
  transitionPeriod: number,
): { readonly pressure: Pressure; readonly memory: PressureMemory } {
  const last = (is: boolean, before: number | undefined): number | undefined => (is ? now : before);
  const next = {
    memory: last(seen.memory, memory.memory),
    disk: last(seen.disk, memory.disk),
    pid: last(seen.pid, memory.pid),
  };
  const holds = (at: number | undefined): boolean => at !== undefined && now - at < transitionPeriod;
  return {
    pressure: { memory: holds(next.memory), disk: holds(next.disk), pid: holds(next.pid) },
    memory: {
      ...(next.memory !== undefined && { memory: next.memory }),
      ...(next.disk !== undefined && { disk: next.disk }),
      ...(next.pid !== undefined && { pid: next.pid }),
    },
  };
}
