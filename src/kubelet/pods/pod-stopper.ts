import type { Pod } from "../../api/types.ts";
import type { KillReason } from "../../core/pods/container-kill.ts";
import { findContainer } from "../../core/pods/containers.ts";
import type { ContainerAttempt, PodRuntime } from "../../core/pods/pod-runtime.ts";
import { graceSecondsFor, SHORTEST_GRACE_SECONDS, stopsAfter } from "../../core/pods/termination.ts";
import { linkAbort } from "../../machinery/linked-abort.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ContainerRuntime, SandboxRuntime } from "../../ports/container-runtime.ts";
import type { Log } from "../../ports/log.ts";
import type { LifecycleHooks } from "./lifecycle-hooks.ts";
import type { PodEvents } from "./pod-events.ts";

export interface StopContainerOptions {
  readonly reason?: KillReason;
  /** Text of the Killing event. @default "Stopping container NAME" */
  readonly message?: string;
  /** Seconds, instead of what the pod says. */
  readonly graceOverride?: number;
  /** What must have ended before it is asked to stop; waiting counts into the grace period. */
  readonly after?: Promise<unknown>;
}

export interface PodStopper {
  stopContainer(pod: Pod, attempt: ContainerAttempt, options: StopContainerOptions, signal: AbortSignal): Promise<void>;
  /** Stops all containers, sidecars last, then the sandboxes. Safe to repeat. */
  stopPod(pod: Pod, runtime: PodRuntime, graceOverride: number | undefined, signal: AbortSignal): Promise<void>;
}

export interface PodStopperDeps {
  readonly containers: Pick<ContainerRuntime, "stop">;
  readonly sandboxes: Pick<SandboxRuntime, "stop">;
  readonly hooks: LifecycleHooks;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly log: Log;
}

export function createPodStopper(deps: PodStopperDeps): PodStopper {
  const { clock } = deps;

  /** Lets `work` go on for as long as `seconds` allow. @returns whole seconds that passed */
  async function within(
    seconds: number,
    work: (limit: AbortSignal) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<number> {
    const began = clock.monotonic();
    const limit = linkAbort(signal);
    const worked = work(limit.signal);
    // Whichever is late ends with the other; that is no failure of anything.
    worked.catch(() => undefined);
    await Promise.race([worked, clock.sleep(seconds * 1000, limit.signal)]).finally(() => {
      limit.abort();
      limit.release();
    });
    signal.throwIfAborted();
    return Math.floor((clock.monotonic() - began) / 1000);
  }

  async function preStop(pod: Pod, attempt: ContainerAttempt, podIp: string, signal: AbortSignal): Promise<void> {
    const container = findContainer(pod, attempt.name)?.container;
    const handler = container?.lifecycle?.preStop;
    if (container === undefined || handler === undefined) return;
    const result = await deps.hooks.run(handler, { pod, container, containerId: attempt.id, podIp }, signal);
    if (result.ok) return;
    deps.log.warn("A preStop hook failed", { pod: pod.metadata?.name, container: attempt.name, reason: result.reason });
    // The text may hold secrets of the server that answered.
    const message = "PreStopHook failed";
    deps.events.record(pod, { type: "Warning", reason: "FailedPreStopHook", message, container: attempt.name });
  }

  async function stopContainer(
    pod: Pod,
    attempt: ContainerAttempt,
    options: StopContainerOptions & { readonly podIp?: string },
    signal: AbortSignal,
  ): Promise<void> {
    const message = options.message ?? `Stopping container ${attempt.name}`;
    deps.events.record(pod, { type: "Normal", reason: "Killing", message, container: attempt.name });
    let grace = options.graceOverride ?? graceSecondsFor(pod, attempt.name, options.reason);
    const hook = findContainer(pod, attempt.name)?.container.lifecycle?.preStop;
    if (hook !== undefined && grace > 0 && attempt.state === "running") {
      grace -= await within(grace, (limit) => preStop(pod, attempt, options.podIp ?? "", limit), signal);
    }
    const { after } = options;
    if (after !== undefined && grace > 0) grace -= await within(grace, () => after, signal);
    await deps.containers.stop(attempt.id, Math.max(grace, SHORTEST_GRACE_SECONDS), signal);
  }

  return {
    stopContainer,
    async stopPod(pod, runtime, graceOverride, signal) {
      const alive = runtime.containers.filter(({ state }) => state !== "exited");
      const podIp = runtime.sandboxes.find(({ ready }) => ready)?.ips[0] ?? "";
      const ends = new Map<string, PromiseWithEnd>(alive.map(({ name }) => [name, promiseWithEnd()]));
      const results = await Promise.allSettled(
        alive.map(async (attempt) => {
          const before = stopsAfter(pod, attempt.name).flatMap((name) => ends.get(name)?.promise ?? []);
          try {
            await stopContainer(
              pod,
              attempt,
              {
                podIp,
                ...(graceOverride !== undefined && { graceOverride }),
                ...(before.length > 0 && { after: Promise.all(before) }),
              },
              signal,
            );
          } finally {
            ends.get(attempt.name)?.end();
          }
        }),
      );
      const failure = results.find((result) => result.status === "rejected");
      if (failure !== undefined) throw failure.reason;
      await Promise.all(runtime.sandboxes.map(({ id }) => deps.sandboxes.stop(id, signal)));
    },
  };
}

interface PromiseWithEnd {
  readonly promise: Promise<void>;
  readonly end: () => void;
}

function promiseWithEnd(): PromiseWithEnd {
  let end = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { promise, end };
}
