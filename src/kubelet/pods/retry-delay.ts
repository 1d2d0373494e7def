const FIRST_RETRY_MS = 1_000;
export const LONGEST_RETRY_MS = 10_000;

/** How long to wait after so many failures in a row, beginning at 0: 1 s doubling to 10 s. */
export function retryDelay(failures: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures, 16), LONGEST_RETRY_MS);
}
