/** How long something that keeps failing has to wait: doubling from `firstMs` to `longestMs`. */
export interface BackoffPolicy {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Container restarts and image pulls of upstream. */
export const CRASH_LOOP_BACKOFF: BackoffPolicy = { firstMs: 10_000, longestMs: 300_000 };

export interface BackoffEntry {
  readonly delayMs: number;
  /** When the last try was made, milliseconds since the epoch. */
  readonly lastTryAt: number;
}

export type BackoffDecision =
  | { readonly decision: "wait"; readonly delayMs: number; readonly until: number }
  | { readonly decision: "try"; readonly entry: BackoffEntry };

/**
 * Whether something that failed at `failedAt` may be tried again now. The first failure is retried at once, and a
 * failure long after the last try (twice the longest delay) counts as the first.
 */
export function decideBackoff(
  policy: BackoffPolicy,
  entry: BackoffEntry | undefined,
  failedAt: number,
  now: number,
): BackoffDecision {
  if (entry === undefined || failedAt - entry.lastTryAt > policy.longestMs * 2) {
    return { decision: "try", entry: { delayMs: policy.firstMs, lastTryAt: now } };
  }
  const until = failedAt + entry.delayMs;
  if (now < until) return { decision: "wait", delayMs: entry.delayMs, until };
  return {
    decision: "try",
    entry: { delayMs: Math.min(entry.delayMs * 2, policy.longestMs), lastTryAt: now },
  };
}
