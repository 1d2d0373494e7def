import { OrlopError } from "../../lib/orlop-error.ts";
import { StatusError } from "../../api/status-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";

const ATTEMPTS = 5;
const FIRST_DELAY = 500;
const FACTOR = 1.5;
const JITTER = 0.2;

/** Whether asking the API server the same again may help. Answers such as 401, 403 and 404 are final. */
function isTransient(reason: unknown): boolean {
  if (reason instanceof StatusError) {
    return [429, 500, 504].includes(reason.code) || reason.headers["Retry-After"] !== undefined;
  }
  return reason instanceof OrlopError && reason.retry === "backoff";
}

/** Told about each attempt: the answer's status code, or "<error>" when there was none, and how long it took. */
export type ObserveReview = (code: string, seconds: number) => void;

export interface ReviewRetryDeps {
  readonly clock: Pick<Clock, "sleep" | "monotonic">;
  readonly random: Pick<Random, "fraction">;
  readonly observe?: ObserveReview;
}

/** Up to five attempts with growing pauses (half a second first), as upstream's delegated reviews. Throws the last failure. */
export async function withReviewRetries<T>(
  deps: ReviewRetryDeps,
  ask: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  let delay = FIRST_DELAY;
  for (let attempt = 1; ; attempt++) {
    const started = deps.clock.monotonic();
    const observe = (code: string): void => deps.observe?.(code, (deps.clock.monotonic() - started) / 1000);
    try {
      const answer = await ask();
      observe("201");
      return answer;
    } catch (reason) {
      observe(reason instanceof StatusError ? String(reason.code) : "<error>");
      if (attempt === ATTEMPTS || signal.aborted || !isTransient(reason)) throw reason;
    }
    await deps.clock.sleep(delay * (1 + JITTER * deps.random.fraction()), signal);
    delay *= FACTOR;
  }
}
