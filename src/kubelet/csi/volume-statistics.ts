import type { DirectoryUsage } from "../metrics/stats-summary.ts";
import type { NodeVolumeSpec } from "../volumes/node-volume-plugin.ts";
import type { HostFacts } from "../../ports/host-facts.ts";
import type { CsiDrivers } from "./csi-drivers.ts";
import { csiSourceOf } from "./csi-plugin.ts";

export interface VolumeStatisticsDeps {
  readonly drivers: Pick<CsiDrivers, "node">;
  readonly digest: (text: string) => string;
  readonly host: Pick<HostFacts, "filesystem">;
}

/**
 * How full a shared volume is, as its driver says; other kinds, and drivers that do not count, by their filesystem.
 * undefined when it can not be told.
 */
export function createVolumeStatistics(
  deps: VolumeStatisticsDeps,
): (spec: NodeVolumeSpec, path: string, signal: AbortSignal) => Promise<DirectoryUsage | undefined> {
  return async (spec, path, signal) => {
    const isCsi = spec.persistentVolume === undefined || spec.persistentVolume.spec?.csi !== undefined;
    const source = isCsi ? csiSourceOf(spec, deps.digest) : undefined;
    if (source === undefined) {
      const filesystem = await deps.host.filesystem(path);
      return { filesystem, usedBytes: filesystem.usedBytes, inodes: filesystem.inodes - filesystem.inodesFree };
    }
    const node = deps.drivers.node(source.driver);
    // As upstream: nobody else looks into the volumes of a driver, which may be far away.
    if (!(await node.capabilities(signal)).has("GET_VOLUME_STATS")) return undefined;
    const found = await node.statistics({ volumeId: source.handle, volumePath: path }, signal);
    if (found.capacityBytes === undefined && found.inodes === undefined) return undefined;
    const usedBytes = found.usedBytes ?? 0;
    return {
      filesystem: {
        device: 0,
        capacityBytes: found.capacityBytes ?? 0,
        availableBytes: found.availableBytes ?? 0,
        usedBytes,
        inodes: found.inodes ?? 0,
        inodesFree: found.inodesFree ?? 0,
      },
      usedBytes,
      inodes: found.inodesUsed ?? 0,
    };
  };
}
