import {
  type BackoffDecision,
  type BackoffEntry,
  type BackoffPolicy,
  decideBackoff,
} from "../../core/pods/start-backoff.ts";
import type { Clock } from "../../ports/clock.ts";

/** Back-off states by key; old ones are forgotten. */
export interface Backoffs {
  /** Whether what failed at `failedAt` may be tried now; a decision to try is recorded. */
  tryAfterFailure(key: string, failedAt: number): BackoffDecision;
  /** Whether something may be tried that has no failure time but that of its last recorded failure. */
  waiting(key: string): { readonly delayMs: number; readonly until: number } | undefined;
  /** Records a failure now. */
  failed(key: string): void;
  forget(key: string): void;
}

const MOST_ENTRIES = 10_000;

export function createBackoffs(deps: { readonly clock: Clock }, policy: BackoffPolicy): Backoffs {
  const entries = new Map<string, BackoffEntry>();
  const store = (key: string, entry: BackoffEntry): void => {
    // Re-inserted, so that the map is ordered by age and the oldest goes first.
    entries.delete(key);
    entries.set(key, entry);
    const now = deps.clock.now();
    for (const [oldKey, { lastTryAt }] of entries) {
      if (entries.size <= MOST_ENTRIES && now - lastTryAt <= policy.longestMs * 2) break;
      entries.delete(oldKey);
    }
  };
  return {
    tryAfterFailure(key, failedAt) {
      const decision = decideBackoff(policy, entries.get(key), failedAt, deps.clock.now());
      if (decision.decision === "try") store(key, decision.entry);
      return decision;
    },
    waiting(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const until = entry.lastTryAt + entry.delayMs;
      return deps.clock.now() < until ? { delayMs: entry.delayMs, until } : undefined;
    },
    failed(key) {
      const now = deps.clock.now();
      const entry = entries.get(key);
      const expired = entry === undefined || now - entry.lastTryAt > policy.longestMs * 2;
      store(key, {
        delayMs: expired ? policy.firstMs : Math.min(entry.delayMs * 2, policy.longestMs),
        lastTryAt: now,
      });
    },
    forget(key) {
      entries.delete(key);
    },
  };
}
