import { decideImageEviction, type ImageEvictionPolicy } from "../../core/pods/image-eviction.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ContainerRuntime, ImageService } from "../../ports/container-runtime.ts";
import type { Log } from "../../ports/log.ts";

export interface ImageCleanUpDeps {
  readonly images: Pick<ImageService, "list" | "remove" | "filesystem">;
  readonly containers: Pick<ContainerRuntime, "list">;
  readonly clock: Clock;
  readonly log: Log;
  /** Space of the filesystem a path lies on. */
  readonly disk: (path: string) => Promise<{ readonly capacityBytes: number; readonly availableBytes: number }>;
  /** Tells that nothing more can be done about a full disk, for an event of the node. */
  readonly insufficient: (message: string) => void;
}

const PERIOD_MS = 300_000;

/** Removes images nobody uses when the disk they lie on gets full. A failure is logged and the next round tries again. */
export async function cleanUpImages(
  deps: ImageCleanUpDeps,
  policy: ImageEvictionPolicy,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = deps;
  const seen = new Map<string, { firstSeen: number; lastUsed: number }>();

  async function round(): Promise<void> {
    const now = clock.now();
    const [found, containers] = await Promise.all([deps.images.list(signal), deps.containers.list({}, signal)]);
    const used = new Set(containers.flatMap(({ imageId, imageRef, image }) => [imageId, imageRef, image]));
    const present = new Set(found.map(({ id }) => id));
    for (const id of seen.keys()) if (!present.has(id)) seen.delete(id);
    const images = found.map(({ id, tags, digests, sizeBytes, pinned }) => {
      const inUse = [id, ...tags, ...digests].some((name) => used.has(name));
      const record = seen.get(id) ?? { firstSeen: now, lastUsed: 0 };
      seen.set(id, record);
      if (inUse) record.lastUsed = now;
      return { id, sizeBytes, pinned, inUse, ...record };
    });
    const { mountpoint } = await deps.images.filesystem(signal);
    const eviction = decideImageEviction(images, await deps.disk(mountpoint), policy, now);
    for (const id of eviction.remove) {
      log.info("Removing an image nobody uses", { image: id, diskUsedPercent: eviction.usedPercent });
      await deps.images.remove(id, signal);
    }
    if (eviction.freedBytes < eviction.wantedBytes) {
      deps.insufficient(
        `Insufficient free disk space on the node's image filesystem (${eviction.usedPercent}% used). Failed to free sufficient space by deleting unused images (freed ${eviction.freedBytes} bytes). Investigate disk usage, as it could be used by active images, logs, volumes, or other data.`,
      );
    }
  }

  while (!signal.aborted) {
    await clock.sleep(PERIOD_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await round();
    } catch (failure) {
      if (signal.aborted) return;
      log.warn("Unused images could not be looked for", { reason: messageOf(failure) });
    }
  }
}
