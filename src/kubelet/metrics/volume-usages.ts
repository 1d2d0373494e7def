import type { Clock } from "../../ports/clock.ts";
import type { HostFacts } from "../../ports/host-facts.ts";
import type { NodeVolumeSpec } from "../volumes/node-volume-plugin.ts";
import type { DirectoryUsage } from "./stats-summary.ts";

/** A volume of a pod that is ready. */
export interface ReadyVolumePath {
  /** In the pod. */
  readonly name: string;
  readonly path: string;
  readonly claim?: { readonly name: string; readonly namespace: string };
  /** Set for volumes pods may share: their drivers know best how full they are. */
  readonly shared?: NodeVolumeSpec;
}

/** How full volumes are. Figures are kept for a while: measuring reads all files, or asks a driver. */
export interface VolumeUsages {
  /** undefined when it can not be told. */
  usageOf(volume: Pick<ReadyVolumePath, "path" | "shared">, signal: AbortSignal): Promise<DirectoryUsage | undefined>;
}

export interface VolumeUsagesDeps {
  readonly host: Pick<HostFacts, "filesystem" | "treeUsage">;
  readonly clock: Clock;
  readonly sharedUsage: (
    spec: NodeVolumeSpec,
    path: string,
    signal: AbortSignal,
  ) => Promise<DirectoryUsage | undefined>;
  /** The files of one volume were counted, for metrics. */
  readonly onVolumeCounted?: (seconds: number) => void;
}

const MEASURED_AT_MOST = 2_048;

/** @param options.volumeAge milliseconds a figure is good for */
export function createVolumeUsages(deps: VolumeUsagesDeps, options: { readonly volumeAge: number }): VolumeUsages {
  const { clock } = deps;
  const measured = new Map<string, { readonly usage: DirectoryUsage | undefined; readonly at: number }>();
  const pending = new Map<string, Promise<DirectoryUsage | undefined>>();

  const countFiles = async (path: string, signal: AbortSignal): Promise<DirectoryUsage> => {
    const begun = clock.monotonic();
    const [filesystem, { usedBytes, inodes }] = await Promise.all([
      deps.host.filesystem(path),
      deps.host.treeUsage(path, signal),
    ]);
    deps.onVolumeCounted?.((clock.monotonic() - begun) / 1_000);
    return { filesystem, usedBytes, inodes };
  };

  const measure = async (
    { path, shared }: Pick<ReadyVolumePath, "path" | "shared">,
    signal: AbortSignal,
  ): Promise<DirectoryUsage | undefined> => {
    const asked = shared === undefined ? countFiles(path, signal) : deps.sharedUsage(shared, path, signal);
    const usage = await asked.catch(() => undefined);
    if (measured.size >= MEASURED_AT_MOST) measured.clear();
    measured.set(path, { usage, at: clock.monotonic() });
    return usage;
  };

  return {
    async usageOf(volume, signal) {
      const known = measured.get(volume.path);
      if (known !== undefined && clock.monotonic() - known.at < options.volumeAge) return known.usage;
      // A volume that hangs is asked once, however many want to know.
      const running = pending.get(volume.path) ?? measure(volume, signal).finally(() => pending.delete(volume.path));
      pending.set(volume.path, running);
      return running;
    },
  };
}
