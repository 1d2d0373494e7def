import type { Clock } from "../../ports/clock.ts";
import { StatusError, tooManyRequests } from "../../api/status-error.ts";

export interface InFlight {
  /**
   * Runs a request unless too many run already. Throws StatusError 429 then, and 504 when it takes too long (what it
   * began may still complete).
   */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Gives up on requests that are over their time. Call about once a second. */
  sweep(): void;
  readonly count: number;
}

interface Running {
  readonly deadline: number;
  readonly giveUp: (reason: unknown) => void;
}

export function createInFlight(
  clock: Pick<Clock, "monotonic">,
  limits: { readonly maxRequests: number; readonly timeoutMs: number },
): InFlight {
  /** In order of their deadlines: all get the same time. */
  const running = new Set<Running>();
  return {
    get count() {
      return running.size;
    },
    async run(work) {
      if (running.size >= limits.maxRequests) throw tooManyRequests("Too many requests, please try again later.", 1);
      return new Promise((resolve, reject) => {
        const entry: Running = { deadline: clock.monotonic() + limits.timeoutMs, giveUp: reject };
        running.add(entry);
        work()
          .then(resolve, reject)
          .finally(() => running.delete(entry));
      });
    },
    sweep() {
      const now = clock.monotonic();
      for (const entry of running) {
        if (entry.deadline > now) return;
        running.delete(entry);
        entry.giveUp(timedOut());
      }
    },
  };
}

function timedOut(): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "Timeout: request did not complete within the allotted timeout",
    reason: "Timeout",
    details: {},
    code: 504,
  });
}
