/** An image as image clean-up sees it. */
export interface EvictableImage {
  readonly id: string;
  readonly sizeBytes: number;
  readonly pinned: boolean;
  readonly inUse: boolean;
  /** Milliseconds since the epoch; when it was first seen on the node. */
  readonly firstSeen: number;
  /** Milliseconds since the epoch; 0 when it never was. */
  readonly lastUsed: number;
}

export interface ImageEvictionPolicy {
  /** Percent of the image filesystem in use from which on images are removed (imageGCHighThresholdPercent). */
  readonly highPercent: number;
  /** Percent to come down to (imageGCLowThresholdPercent). */
  readonly lowPercent: number;
  /** Younger images stay, milliseconds (imageMinimumGCAge). */
  readonly minimumAgeMs: number;
  /** Images unused for longer go, milliseconds; 0: never for that alone (imageMaximumGCAge). */
  readonly maximumAgeMs: number;
}

export interface ImageEviction {
  /** Ids, in the order to remove them. */
  readonly remove: readonly string[];
  readonly usedPercent: number;
  /** Bytes that had to be freed for lack of space, 0 when there was enough. */
  readonly wantedBytes: number;
  /** Bytes of what is removed for lack of space; less than wanted when there is not more to remove. */
  readonly freedBytes: number;
}

/** Which images to remove: those unused for too long, then the least recently used until there is space again. */
export function decideImageEviction(
  images: readonly EvictableImage[],
  disk: { readonly capacityBytes: number; readonly availableBytes: number },
  policy: ImageEvictionPolicy,
  now: number,
): ImageEviction {
  const candidates = images
    .filter(({ pinned, inUse }) => !pinned && !inUse)
    .sort((a, b) => a.lastUsed - b.lastUsed || a.firstSeen - b.firstSeen);
  const old = candidates.filter(
    ({ lastUsed, firstSeen }) => policy.maximumAgeMs > 0 && now - Math.max(lastUsed, firstSeen) > policy.maximumAgeMs,
  );
  const available = Math.min(disk.availableBytes, disk.capacityBytes);
  const usedPercent = disk.capacityBytes === 0 ? 0 : 100 - Math.floor((available * 100) / disk.capacityBytes);
  const isFull = disk.capacityBytes > 0 && usedPercent >= policy.highPercent;
  const wantedBytes = isFull
    ? Math.max(0, Math.floor((disk.capacityBytes * (100 - policy.lowPercent)) / 100) - available)
    : 0;
  const remove = old.map(({ id }) => id);
  let freedBytes = old.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  for (const { id, sizeBytes, firstSeen } of candidates) {
    if (freedBytes >= wantedBytes) break;
    if (remove.includes(id) || now - firstSeen < policy.minimumAgeMs) continue;
    remove.push(id);
    freedBytes += sizeBytes;
  }
  return { remove, usedPercent, wantedBytes, freedBytes };
}
