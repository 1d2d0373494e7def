import { messageOf, OrlopError } from "../lib/orlop-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { hasReason } from "./answer-error.ts";
import type { Unit } from "./unit.ts";
import { createWorkQueue, type WorkQueueOptions } from "./work-queue.ts";

/** What a reconcile wants next: to be called for a change only, or at the latest after a while. */
export type Action = { readonly requeueAfterMs: number } | "await-change";

/**
 * Brings the world behind one key to what it should be. Level-triggered: it reads all it needs, may run at any time and
 * any number of times. What it throws is tried again with back-off, except an OrlopError with retry "never".
 */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<Action>;

export interface ReconcileLoop extends Unit {
  /** Something about the key may have changed. */
  enqueue(key: string): void;
  enqueueAfter(key: string, milliseconds: number): void;
}

export interface ReconcileLoopDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface ReconcileLoopOptions extends WorkQueueOptions {
  readonly name: string;
  readonly reconcile: Reconcile;
  /** Keys worked on at the same time. @default 5 */
  readonly concurrency?: number;
}

/** Works on keys until the signal aborts; keys enqueued before it runs are kept. */
export function createReconcileLoop(deps: ReconcileLoopDeps, options: ReconcileLoopOptions): ReconcileLoop {
  const { name, reconcile, concurrency = 5 } = options;
  const queue = createWorkQueue(deps, options);
  const log = deps.log.with({ controller: name });

  const workOn = async (key: string, signal: AbortSignal): Promise<void> => {
    try {
      const action = await reconcile(key, signal);
      queue.forget(key);
      if (action !== "await-change") queue.addAfter(key, action.requeueAfterMs);
    } catch (reason) {
      if (signal.aborted) return;
      if (reason instanceof OrlopError && reason.retry === "never") {
        queue.forget(key);
        log.error("reconcile failed for good", { key, error: reason.message });
        return;
      }
      queue.addFailed(key);
      // Somebody else was faster, or the server is away: expected, the next try reads again.
      const expected = hasReason(reason, "Conflict", "AlreadyExists") && queue.failures(key) < 5;
      log[expected ? "debug" : "warn"]("reconcile failed, trying again", {
        key,
        error: messageOf(reason),
        failures: queue.failures(key),
      });
    } finally {
      queue.done(key);
    }
  };

  const work = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const key = await queue.next(signal).catch(() => undefined);
      if (key !== undefined) await workOn(key, signal);
    }
  };

  return {
    name,
    enqueue: queue.add,
    enqueueAfter: queue.addAfter,
    async run(signal, ready) {
      ready();
      await Promise.all([queue.run(signal), ...Array.from({ length: concurrency }, () => work(signal))]);
    },
  };
}
