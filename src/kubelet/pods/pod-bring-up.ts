import type { Pod } from "../../api/types.ts";
import type { StartProblem } from "../../core/pods/container-statuses.ts";
import { findContainer } from "../../core/pods/containers.ts";
import type { ContainerStart, PodActions } from "../../core/pods/pod-actions.ts";
import type { PodRuntime, SandboxState } from "../../core/pods/pod-runtime.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ContainerRuntime, SandboxRuntime } from "../../ports/container-runtime.ts";
import type { Files } from "../../ports/files.ts";
import type { Log } from "../../ports/log.ts";
import type { PodVolumes } from "../pod-volumes.ts";
import { UnprotectedPod } from "../userns/mapping-proofs.ts";
import { containerTarget, type ContainerStarter } from "./container-starter.ts";
import type { PodEvents } from "./pod-events.ts";
import type { ObservePods } from "./pod-observation.ts";
import type { PodRemains } from "./pod-remains.ts";
import type { PodStopper } from "./pod-stopper.ts";
import { LONGEST_RETRY_MS, retryDelay } from "./retry-delay.ts";
import type { PodUserNamespaces, SandboxPlan, SandboxPlanner } from "./sandbox-plan.ts";

export interface PodBringUpDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly planner: SandboxPlanner;
  readonly starter: ContainerStarter;
  readonly stopper: PodStopper;
  readonly remains: PodRemains;
  readonly sandboxes: Pick<SandboxRuntime, "run" | "status">;
  readonly containers: Pick<ContainerRuntime, "remove" | "status">;
  readonly volumes: Pick<PodVolumes, "prepare" | "groups">;
  readonly events: PodEvents;
  readonly files: Pick<Files, "makeDirectory">;
  readonly hostIps: () => readonly string[];
  readonly observe: ObservePods;
  readonly userNamespaces?: Pick<PodUserNamespaces, "prove">;
}

export interface BringUpRequest {
  readonly pod: Pod;
  readonly actions: PodActions;
  readonly runtime: PodRuntime;
  /** CRI calls that change something end with the process only, so that none is left half done. */
  readonly life: AbortSignal;
  /** Ends when the pod is to be ended. */
  readonly turn: AbortSignal;
  /** Called when there is a new sandbox with an address, before anything is pulled. */
  readonly onSandbox: (runtime: PodRuntime) => void;
}

export interface BringUpResult {
  /** Whether the runtime was told to do anything. */
  readonly changed: boolean;
  /** When to try again what failed, milliseconds since the epoch. */
  readonly retryAt?: number;
  /** Rejects with UnprotectedPod when a container that was started does not run with the IDs of the pod. */
  readonly proven: Promise<void>;
}

/** Carries out what `computePodActions` asks for, and remembers what would not work. */
export interface PodBringUp {
  /** Why a container could not be started at the last try. */
  problem(container: string): StartProblem | undefined;
  /** The pod's runtime handler, once it is known. */
  handler(): string | undefined;
  /** The pod has changed: what failed may work now. */
  reconsider(): void;
  /**
   * Begins with what does not depend on the runtime, while it is asked what it has of a new pod. Fails silently:
   * perform() does it again.
   */
  anticipate(pod: Pod, turn: AbortSignal): void;
  /** Throws what no container is to blame for: volumes, sandbox, a runtime that is away. */
  perform(request: BringUpRequest): Promise<BringUpResult>;
}

export function createPodBringUp(
  deps: PodBringUpDeps,
  pod: Pod,
  options: {
    /** How often volumes of a running pod are refreshed, milliseconds. */
    readonly refreshPeriodMs: number;
  },
): PodBringUp {
  const { clock } = deps;
  const problems = new Map<string, StartProblem>();
  /** Containers that failed to start are left alone until then, whatever news there is. Milliseconds since the epoch. */
  const notBefore = new Map<string, number>();
  /** Starts that failed in a row, for reasons that have no back-off of their own. */
  let startFailures = 0;
  let lastPrepared = Number.NEGATIVE_INFINITY;
  let proofs: Promise<void>[] = [];
  let handler: string | undefined = (pod.spec?.runtimeClassName ?? "") === "" ? "" : undefined;

  async function prepareVolumes({ pod, turn }: BringUpRequest): Promise<void> {
    try {
      await deps.volumes.prepare(pod, turn);
      lastPrepared = clock.monotonic();
    } catch (failure) {
      turn.throwIfAborted();
      deps.events.record(pod, { type: "Warning", reason: "FailedMount", message: messageOf(failure) });
      throw failure;
    }
  }

  /** Stops what has to stop. With a new sandbox initialization begins anew: nothing may tell that it was done. */
  async function clear({ pod, actions, runtime, turn }: BringUpRequest): Promise<PodRuntime> {
    for (const { id, name, reason, message } of actions.kill) {
      const attempt = runtime.containers.find((candidate) => candidate.id === id);
      if (attempt === undefined) continue;
      await deps.stopper.stopContainer(pod, attempt, { reason, message }, turn);
      deps.log.info("Killed a container", { container: name, reason });
    }
    if (!actions.killPod) return runtime;
    if (actions.createSandbox?.replaces !== undefined) {
      const message = "Pod sandbox changed, it will be killed and re-created.";
      deps.events.record(pod, { type: "Normal", reason: "SandboxChanged", message });
    }
    await deps.stopper.stopPod(pod, runtime, undefined, turn);
    if (actions.createSandbox === undefined) return runtime;
    const init = new Set((pod.spec?.initContainers ?? []).map(({ name }) => name));
    const old = runtime.containers.filter(({ name }) => init.has(name));
    await Promise.all(old.map(({ id }) => deps.containers.remove(id, turn)));
    return { ...runtime, containers: runtime.containers.filter(({ name }) => !init.has(name)) };
  }

  function attemptOf({ createSandbox }: PodActions, { sandboxes }: PodRuntime): number {
    return createSandbox?.attempt ?? sandboxes[0]?.attempt ?? 0;
  }

  async function ensureSandbox(
    { pod, actions, life, turn, onSandbox }: BringUpRequest,
    runtime: PodRuntime,
    planning: Promise<SandboxPlan>,
  ): Promise<{ readonly plan: SandboxPlan; readonly sandbox: SandboxState; readonly runtime: PodRuntime }> {
    const current = runtime.sandboxes[0];
    const isNew = actions.createSandbox !== undefined || current === undefined;
    if (isNew) deps.observe({ type: "pod-starting", pod });
    try {
      const attempt = attemptOf(actions, runtime);
      const plan = await planning;
      ({ handler } = plan);
      if (!isNew) return { plan, sandbox: current, runtime };
      await deps.files.makeDirectory(plan.config.logDirectory, 0o755);
      const id = await deps.sandboxes.run(plan.config, plan.handler, life);
      const { createdAt, ips, pid } = await deps.sandboxes.status(id, life);
      if (plan.mapping !== undefined) {
        const process = async (): Promise<number | undefined> => pid;
        await deps.userNamespaces?.prove?.(pod.metadata?.uid ?? "", [{ what: "the sandbox", id, process }], turn);
      }
      const sandbox = { id, attempt, ready: true, createdAt, ips };
      const next = { ...runtime, sandboxes: [sandbox, ...runtime.sandboxes] };
      onSandbox(next);
      return { plan, sandbox, runtime: next };
    } catch (failure) {
      turn.throwIfAborted();
      if (isNew) deps.observe({ type: "pod-start-failed", pod, at: "sandbox" });
      if (failure instanceof UnprotectedPod) throw failure;
      const message = `Failed to create pod sandbox: ${messageOf(failure)}`;
      deps.events.record(pod, { type: "Warning", reason: "FailedCreatePodSandBox", message });
      throw failure;
    }
  }

  async function startAll(
    request: BringUpRequest,
    runtime: PodRuntime,
    planning: Promise<SandboxPlan>,
  ): Promise<number | undefined> {
    const { pod, actions } = request;
    const made = await ensureSandbox(request, runtime, planning);
    let retryAt: number | undefined;
    let failed = false;
    for (const start of actions.start) {
      await Promise.all(proofs);
      const next = await startOne(request, start, made);
      if (next === undefined) continue;
      retryAt = Math.min(retryAt ?? next, next);
      if (!failed && actions.createSandbox !== undefined) {
        deps.observe({ type: "pod-start-failed", pod, at: "container" });
      }
      failed = true;
      // The init containers behind one that can not start have to wait for it; sidecars only have to be tried.
      if (start.kind === "init" && findContainer(pod, start.name)?.container.restartPolicy !== "Always") break;
    }
    if (!failed) startFailures = 0;
    return retryAt;
  }

  /** @returns when to try again, undefined when it runs */
  async function startOne(
    { pod, life, turn }: BringUpRequest,
    { kind, name }: ContainerStart,
    { plan, sandbox, runtime }: Awaited<ReturnType<typeof ensureSandbox>>,
  ): Promise<number | undefined> {
    const target = findContainer(pod, name);
    const pause = notBefore.get(name);
    if (target === undefined) return undefined;
    if (pause !== undefined && clock.now() < pause) return pause;
    deps.observe({ type: "container-starting", kind });
    const hostIps = deps.hostIps();
    const podIps = pod.spec?.hostNetwork === true ? hostIps : sandbox.ips;
    const onStarted = (id: string): Promise<void> => {
      const proof = plan.mapping === undefined ? Promise.resolve() : proveStarted(pod, name, id, turn);
      proofs.push(proof);
      return proof;
    };
    const outcome = await deps.starter.start(
      { pod, target, runtime, sandboxId: sandbox.id, plan, podIps, hostIps, onStarted },
      { turn, life },
    );
    if (outcome.ok) {
      problems.delete(name);
      notBefore.delete(name);
      void deps.remains.removeOldAttempts(pod, runtime, name, life);
      return undefined;
    }
    problems.set(name, outcome.problem);
    deps.observe({ type: "container-start-failed", kind, reason: outcome.problem.reason });
    const next = isWaiting(outcome.problem)
      ? Math.min(outcome.retryAt ?? Number.POSITIVE_INFINITY, clock.now() + LONGEST_RETRY_MS)
      : clock.now() + retryDelay(startFailures++);
    notBefore.set(name, next);
    return next;
  }

  /** Goes on beside the next steps, so that nobody waits for it who need not. */
  function proveStarted(pod: Pod, name: string, id: string, turn: AbortSignal): Promise<void> {
    const target = containerTarget(deps, name, id);
    const proof = Promise.resolve(deps.userNamespaces?.prove?.(pod.metadata?.uid ?? "", [target], turn));
    proof.catch(() => undefined);
    return proof;
  }

  return {
    problem: (container) => problems.get(container),
    handler: () => handler,
    reconsider: () => notBefore.clear(),
    anticipate(pod, turn) {
      deps.volumes.prepare(pod, turn).catch(() => undefined);
    },
    async perform(request) {
      const { pod, actions, turn } = request;
      const starting = actions.createSandbox !== undefined || actions.start.length > 0;
      const stopping = actions.killPod || actions.kill.length > 0;
      const refresh = !actions.killPod && clock.monotonic() - lastPrepared >= options.refreshPeriodMs;
      const runtime = await clear(request);
      proofs = [];
      if (starting) {
        // Neither needs the other; of two failures that of the volumes is told.
        const planning = deps.planner.plan(pod, attemptOf(actions, runtime), turn);
        planning.catch(() => undefined);
        await prepareVolumes(request);
        const planned = planning.then((plan) => withGroups(plan, deps.volumes.groups(pod)));
        const retryAt = await startAll(request, runtime, planned);
        const proven = Promise.all(proofs).then(() => undefined);
        proven.catch(() => undefined);
        return { changed: true, proven, ...(retryAt !== undefined && { retryAt }) };
      }
      if (refresh) await prepareVolumes(request);
      return { changed: stopping, proven: Promise.resolve() };
    },
  };
}

/** Which groups own the volumes is known only when they are mounted. */
function withGroups(plan: SandboxPlan, groups: readonly number[]): SandboxPlan {
  const { config } = plan;
  const supplementalGroups = [...config.security.supplementalGroups, ...groups];
  return { ...plan, config: { ...config, security: { ...config.security, supplementalGroups } } };
}

/** Nothing was tried: the last failure is not long enough ago. */
function isWaiting({ reason }: StartProblem): boolean {
  return reason === "CrashLoopBackOff" || reason === "ImagePullBackOff";
}
