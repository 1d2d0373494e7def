import type { Clock } from "../../ports/clock.ts";

/** Keeps the tries of what failed apart: 500 ms after the first failure, doubling to 2 minutes and 2 seconds, as upstream. */
export interface Attempts {
  /** Why `key` may not be tried now; undefined when it may. */
  blocked(key: string): { readonly message: string; readonly forMs: number } | undefined;
  failed(key: string, message: string): void;
  succeeded(key: string): void;
}

interface Failure {
  readonly delayMs: number;
  readonly notBefore: number;
  readonly message: string;
}

const FIRST_MS = 500;
const LONGEST_MS = 122_000;

/** Entries live until their key succeeds; callers forget keys that are not wanted any more by `succeeded`. */
export function createAttempts(clock: Clock): Attempts {
  const failures = new Map<string, Failure>();
  return {
    blocked(key) {
      const failure = failures.get(key);
      if (failure === undefined) return undefined;
      const forMs = failure.notBefore - clock.monotonic();
      return forMs <= 0 ? undefined : { message: failure.message, forMs };
    },
    failed(key, message) {
      const before = failures.get(key);
      const delayMs = before === undefined ? FIRST_MS : Math.min(before.delayMs * 2, LONGEST_MS);
      failures.set(key, { delayMs, message, notBefore: clock.monotonic() + delayMs });
    },
    succeeded: (key) => failures.delete(key),
  };
}
