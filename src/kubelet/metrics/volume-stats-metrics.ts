import { Gauge, type Registry } from "prom-client";
import type { Pod } from "../../api/types.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DirectoryUsage } from "./stats-summary.ts";
import type { ReadyVolumePath, VolumeUsages } from "./volume-usages.ts";

export interface VolumeStatsDeps {
  readonly pods: () => readonly Pod[];
  readonly volumePaths: (podUid: string) => readonly ReadyVolumePath[];
  readonly usages: VolumeUsages;
  readonly clock: Clock;
}

/** A scrape waits so long for figures; those that come later are shown by the next one. */
const PATIENCE_MS = 2_000;

const SERIES: readonly (readonly [string, string, (usage: DirectoryUsage) => number])[] = [
  ["capacity_bytes", "Capacity in bytes of the volume", ({ filesystem }) => filesystem.capacityBytes],
  ["available_bytes", "Number of available bytes in the volume", ({ filesystem }) => filesystem.availableBytes],
  ["used_bytes", "Number of used bytes in the volume", ({ usedBytes }) => usedBytes],
  ["inodes", "Maximum number of inodes in the volume", ({ filesystem }) => filesystem.inodes],
  ["inodes_free", "Number of free inodes in the volume", ({ filesystem }) => filesystem.inodesFree],
  ["inodes_used", "Number of used inodes in the volume", ({ inodes }) => inodes],
];
const LABELS = ["namespace", "persistentvolumeclaim"] as const;

/** kubelet_volume_stats_*: how full the volumes behind claims are, once for each claim. */
export function registerVolumeStats(registry: Registry, deps: VolumeStatsDeps): void {
  // One look serves all series of a scrape.
  let looking: Promise<readonly Found[]> | undefined;
  const look = (): Promise<readonly Found[]> => {
    looking ??= collect(deps).finally(() => {
      looking = undefined;
    });
    return looking;
  };
  for (const [name, help, pick] of SERIES) {
    const gauge: Gauge<(typeof LABELS)[number]> = new Gauge({
      name: `kubelet_volume_stats_${name}`,
      help: `[ALPHA] ${help}`,
      labelNames: LABELS,
      registers: [registry],
      collect: async () => {
        const found = await look();
        gauge.reset();
        for (const { claim, usage } of found) {
          gauge.set({ namespace: claim.namespace, persistentvolumeclaim: claim.name }, pick(usage));
        }
      },
    });
  }
}

interface Found {
  readonly claim: NonNullable<ReadyVolumePath["claim"]>;
  readonly usage: DirectoryUsage;
}

async function collect({ pods, volumePaths, usages, clock }: VolumeStatsDeps): Promise<readonly Found[]> {
  const stop = new AbortController();
  const late = clock.sleep(PATIENCE_MS, stop.signal).then(
    () => undefined,
    () => undefined,
  );
  const seen = new Set<string>();
  const volumes = pods()
    .flatMap(({ metadata }) => volumePaths(metadata?.uid ?? ""))
    .filter(({ claim }) => {
      const key = `${claim?.namespace ?? ""}/${claim?.name ?? ""}`;
      if (claim === undefined || seen.has(key)) return false;
      seen.add(key);
      return true;
    });
  const asking = new AbortController();
  const found = await Promise.all(
    volumes.map(async (volume): Promise<Found | undefined> => {
      const usage = await Promise.race([usages.usageOf(volume, asking.signal), late]);
      return usage === undefined || volume.claim === undefined ? undefined : { claim: volume.claim, usage };
    }),
  );
  stop.abort();
  return found.filter((each) => each !== undefined);
}
