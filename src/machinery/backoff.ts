import type { Random } from "../ports/random.ts";

export interface BackoffOptions {
  /** First delay, milliseconds. */
  readonly initialMs: number;
  readonly maximumMs: number;
  /** @default 2 */
  readonly factor?: number;
  /** Adds up to this share of the delay at random. @default 0 */
  readonly jitter?: number;
}

/** How long to wait after so many failures in a row; 0 after none. */
export function backoffDelay(failures: number, options: BackoffOptions, random: Random): number {
  if (failures <= 0) return 0;
  const { initialMs, maximumMs, factor = 2, jitter = 0 } = options;
  const delay = Math.min(maximumMs, initialMs * factor ** Math.min(failures - 1, 64));
  return delay * (1 + jitter * random.fraction());
}
