import type { Pod, PodStatus } from "../../api/types.ts";
import type { ConditionDraft } from "../../core/pods/conditions.ts";
import type { StartProblem } from "../../core/pods/container-statuses.ts";
import { findContainer } from "../../core/pods/containers.ts";
import { deadlineOf } from "../../core/pods/deadline.ts";
import { isTerminalPhase } from "../../core/pods/phase.ts";
import { computePodActions, type PodActions } from "../../core/pods/pod-actions.ts";
import { isNews } from "../../core/pods/pod-news.ts";
import { NOTHING_RUNNING, newestAttempt, type PodRuntime, type SandboxState } from "../../core/pods/pod-runtime.ts";
import { computePodStatus } from "../../core/pods/pod-status.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { linkAbort, type LinkedAbort } from "../../machinery/linked-abort.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ContainerRuntime, SandboxRuntime } from "../../ports/container-runtime.ts";
import type { Files } from "../../ports/files.ts";
import type { Log } from "../../ports/log.ts";
import type { PodCgroups, PodVolumes } from "../pod-volumes.ts";
import type { ProbeManager } from "../probes/probe-manager.ts";
import type { ContainerStarter } from "./container-starter.ts";
import type { PodEvents } from "./pod-events.ts";
import type { ObservePods } from "./pod-observation.ts";
import type { PodRemains } from "./pod-remains.ts";
import type { PodStopper } from "./pod-stopper.ts";
import type { RuntimeReader } from "./runtime-reader.ts";
import type { PodUserNamespaces, SandboxPlanner } from "./sandbox-plan.ts";
import type { StatusManager } from "./status-manager.ts";
import { createWake } from "./wake.ts";

/** Why the kubelet itself ends a pod. */
export interface PodEnd {
  readonly reason: string;
  readonly message: string;
  /** Seconds; absent: what the pod says. */
  readonly graceSeconds?: number;
  readonly condition?: ConditionDraft;
}

/** The life of one pod on this node, worked on by one hand at a time. */
export interface PodWorker {
  readonly uid: string;
  /** The newest spec. */
  pod(): Pod;
  runtime(): PodRuntime;
  /** "over": everything of it is released; it only waits to be deleted. "gone": not even remains are left. */
  stage(): "living" | "ending" | "over" | "gone";
  update(pod: Pod): void;
  /** Nobody wants it any more: it is ended, and its remains removed. */
  abandon(): void;
  end(end: PodEnd): void;
  /** Something about it may have changed. */
  poke(): void;
  /** Works until the pod is gone or the signal aborts. Never rejects. */
  run(life: AbortSignal): Promise<void>;
}

export interface PodWorkerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly reader: RuntimeReader;
  readonly planner: SandboxPlanner;
  readonly starter: ContainerStarter;
  readonly stopper: PodStopper;
  readonly remains: PodRemains;
  readonly sandboxes: Pick<SandboxRuntime, "run" | "status">;
  readonly containers: Pick<ContainerRuntime, "remove">;
  readonly volumes: Pick<PodVolumes, "prepare" | "release">;
  readonly cgroups: Pick<PodCgroups, "remove">;
  readonly userNamespaces?: Pick<PodUserNamespaces, "release">;
  readonly probes: ProbeManager;
  readonly statuses: StatusManager;
  readonly events: PodEvents;
  readonly files: Pick<Files, "makeDirectory">;
  /** The object at the API server that shows this pod: itself, or its mirror; undefined while there is none. */
  readonly apiPod: (pod: Pod) => Pod | undefined;
  readonly hostIps: () => readonly string[];
  /** Why pods can not get a network now; undefined when they can. */
  readonly networkProblem: () => string | undefined;
  readonly observe: ObservePods;
}

export interface PodWorkerOptions {
  readonly isStatic: boolean;
  /** Found in the runtime without anybody knowing it: there is no object to tell its status to. */
  readonly orphan: boolean;
  /** How often volumes of a running pod are refreshed and all is looked over, milliseconds. */
  readonly syncPeriodMs: number;
  readonly recursiveReadOnlyMounts: (handler: string) => boolean;
}

/** Before the first turn there is nothing to break off. */
const NO_TURN: LinkedAbort = {
  signal: new AbortController().signal,
  abort: () => undefined,
  release: () => undefined,
};

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10_000;
const NETWORK_RETRY_MS = 1_000;

interface Next {
  /** undefined: wait for news. */
  readonly afterMs?: number;
}

export function createPodWorker(deps: PodWorkerDeps, initial: Pod, options: PodWorkerOptions): PodWorker {
  const uid = initial.metadata?.uid ?? "";
  const { clock, reader } = deps;
  const log = deps.log.with({ pod: initial.metadata?.name, namespace: initial.metadata?.namespace, podUid: uid });
  const wake = createWake(clock);
  const problems = new Map<string, StartProblem>();
  /** Containers that failed to start are left alone until then, whatever news there is. Milliseconds since the epoch. */
  const notBefore = new Map<string, number>();
  let pod = initial;
  let runtime = NOTHING_RUNNING;
  /** Of the runtime, once it is known. */
  let handler: string | undefined = (initial.spec?.runtimeClassName ?? "") === "" ? "" : undefined;
  let stage: ReturnType<PodWorker["stage"]> = "living";
  let end: PodEnd | undefined;
  let abandoned = false;
  const seenAt = clock.monotonic();
  let wasRunning = initial.status?.phase === "Running";
  let failures = 0;
  /** Starts that failed in a row, for reasons that have no back-off of their own. */
  let startFailures = 0;
  let lastPrepared = Number.NEGATIVE_INFINITY;
  let turn: Pick<LinkedAbort, "signal" | "abort" | "release"> = NO_TURN;

  const mustEnd = (): boolean => abandoned || end !== undefined || pod.metadata?.deletionTimestamp !== undefined;
  const grace = (): number | undefined => end?.graceSeconds;

  function computeStatus(terminal: boolean, seen: PodRuntime = runtime): PodStatus {
    const isOver = terminal && end !== undefined;
    return computePodStatus({
      pod,
      runtime: seen,
      previous: deps.statuses.get(uid) ?? deps.apiPod(pod)?.status ?? pod.status ?? {},
      probes: deps.probes.statesOf(uid),
      startProblem: (name) => problems.get(name),
      terminal,
      ...(isOver && { ended: { reason: end?.reason ?? "", message: end?.message ?? "" } }),
      ...(isOver && end?.condition !== undefined && { extraConditions: [end.condition] }),
      hostIps: deps.hostIps(),
      isStatic: options.isStatic,
      recursiveReadOnlyMounts: handler !== undefined && options.recursiveReadOnlyMounts(handler),
      now: clock.now(),
    });
  }

  function setStatus(status: PodStatus): void {
    if (!wasRunning && status.phase === "Running") {
      wasRunning = true;
      deps.observe({ type: "pod-running", pod, sinceSeenMs: clock.monotonic() - seenAt });
    }
    if (!options.orphan) deps.statuses.set(uid, deps.apiPod(pod), status);
  }

  /** One look at everything, and the steps that follow from it. */
  async function live(life: AbortSignal, signal: AbortSignal): Promise<Next> {
    deps.probes.add(pod, life);
    runtime = await reader.pod(uid, signal);
    const status = computeStatus(false);
    const deadline = deadlineOf(pod, status.startTime, clock.now());
    if (deadline.state === "exceeded") {
      end = { reason: deadline.reason, message: deadline.message };
      deps.events.record(pod, { type: "Normal", reason: deadline.reason, message: deadline.message });
    }
    if (end !== undefined || isTerminalPhase(status.phase)) {
      stage = "ending";
      return { afterMs: 0 };
    }
    setStatus(status);

    const actions = computePodActions(pod, runtime, deps.probes.verdicts);
    const problem = deps.networkProblem();
    if (actions.createSandbox !== undefined && problem !== undefined && pod.spec?.hostNetwork !== true) {
      deps.events.record(pod, {
        type: "Warning",
        reason: "NetworkNotReady",
        message: `network is not ready: ${problem}`,
      });
      return { afterMs: NETWORK_RETRY_MS };
    }
    const retryAt = await perform(actions, life, signal);
    const times = [
      ...(retryAt === undefined ? [] : [retryAt - clock.now()]),
      ...(deadline.state === "running" ? [deadline.remainingMs] : []),
      options.syncPeriodMs,
    ];
    return { afterMs: Math.max(0, Math.min(...times)) };
  }

  /** @returns when to try again what failed, milliseconds since the epoch */
  async function perform(actions: PodActions, life: AbortSignal, signal: AbortSignal): Promise<number | undefined> {
    const nothing = !actions.killPod && actions.kill.length === 0 && actions.start.length === 0;
    const refresh = clock.monotonic() - lastPrepared >= options.syncPeriodMs;
    if (nothing && !refresh && actions.createSandbox === undefined) return undefined;

    if (actions.killPod) {
      if (actions.createSandbox?.replaces !== undefined) {
        const message = "Pod sandbox changed, it will be killed and re-created.";
        deps.events.record(pod, { type: "Normal", reason: "SandboxChanged", message });
      }
      await deps.stopper.stopPod(pod, runtime, undefined, signal);
      if (actions.createSandbox !== undefined) await purgeInitContainers(signal);
    }
    for (const { id, name, reason, message } of actions.kill) {
      const attempt = runtime.containers.find((candidate) => candidate.id === id);
      if (attempt === undefined) continue;
      await deps.stopper.stopContainer(pod, attempt, { reason, message }, signal);
      log.info("Killed a container", { container: name, reason });
    }
    const starting = actions.createSandbox !== undefined || actions.start.length > 0;
    let retryAt: number | undefined;
    if (starting || (refresh && !actions.killPod)) await prepareVolumes(signal);
    if (starting) retryAt = await startAll(actions, life, signal);
    if (actions.killPod || starting || actions.kill.length > 0) {
      runtime = await reader.pod(uid, signal);
      const status = computeStatus(false);
      // The end of a pod is told when everything is stopped, not before.
      if (isTerminalPhase(status.phase)) wake.ring();
      else setStatus(status);
    }
    return retryAt;
  }

  async function prepareVolumes(signal: AbortSignal): Promise<void> {
    try {
      await deps.volumes.prepare(pod, signal);
      lastPrepared = clock.monotonic();
    } catch (failure) {
      signal.throwIfAborted();
      deps.events.record(pod, { type: "Warning", reason: "FailedMount", message: messageOf(failure) });
      throw failure;
    }
  }

  /** With a new sandbox initialization begins anew, so nothing may tell that it was done. */
  async function purgeInitContainers(signal: AbortSignal): Promise<void> {
    const names = new Set((pod.spec?.initContainers ?? []).map(({ name }) => name));
    const old = runtime.containers.filter(({ name }) => names.has(name));
    await Promise.all(old.map(({ id }) => deps.containers.remove(id, signal)));
    runtime = { ...runtime, containers: runtime.containers.filter(({ name }) => !names.has(name)) };
  }

  async function startAll(actions: PodActions, life: AbortSignal, signal: AbortSignal): Promise<number | undefined> {
    const sandbox = await ensureSandbox(actions, life, signal);
    let retryAt: number | undefined;
    let failed = false;
    const { plan, state } = sandbox;
    for (const { kind, name } of actions.start) {
      const target = findContainer(pod, name);
      if (target === undefined) continue;
      const stopsHere = kind === "init" && target.container.restartPolicy !== "Always";
      const pause = notBefore.get(name);
      if (pause !== undefined && clock.now() < pause) {
        retryAt = Math.min(retryAt ?? pause, pause);
        if (stopsHere) break;
        continue;
      }
      deps.observe({ type: "container-starting", kind });
      const outcome = await deps.starter.start(
        { pod, target, runtime, sandboxId: state.id, plan, podIps: addresses(state), hostIps: deps.hostIps() },
        { turn: signal, life },
      );
      if (outcome.ok) {
        problems.delete(name);
        notBefore.delete(name);
        void deps.remains.removeOldAttempts(pod, runtime, name, life);
        continue;
      }
      problems.set(name, outcome.problem);
      deps.observe({ type: "container-start-failed", kind, reason: outcome.problem.reason });
      if (!failed && actions.createSandbox !== undefined) {
        deps.observe({ type: "pod-start-failed", pod, at: "container" });
      }
      failed = true;
      const known = outcome.retryAt ?? Number.POSITIVE_INFINITY;
      const next = isWaiting(outcome.problem)
        ? Math.min(known, clock.now() + LONGEST_RETRY_MS)
        : clock.now() + retryDelay(startFailures++);
      notBefore.set(name, next);
      retryAt = Math.min(retryAt ?? next, next);
      // The init containers behind one that can not start have to wait for it; sidecars only have to be tried.
      if (stopsHere) break;
    }
    if (retryAt === undefined) startFailures = 0;
    return retryAt;
  }

  function addresses(sandbox: SandboxState): readonly string[] {
    return pod.spec?.hostNetwork === true ? deps.hostIps() : sandbox.ips;
  }

  async function ensureSandbox(
    { createSandbox }: PodActions,
    life: AbortSignal,
    signal: AbortSignal,
  ): Promise<{ readonly plan: Awaited<ReturnType<SandboxPlanner["plan"]>>; readonly state: SandboxState }> {
    const current = runtime.sandboxes[0];
    if (createSandbox !== undefined) deps.observe({ type: "pod-starting", pod });
    try {
      const attempt = createSandbox?.attempt ?? current?.attempt ?? 0;
      const plan = await deps.planner.plan(pod, attempt, signal);
      ({ handler } = plan);
      if (createSandbox === undefined && current !== undefined) return { plan, state: current };
      await deps.files.makeDirectory(plan.config.logDirectory, 0o755);
      const id = await deps.sandboxes.run(plan.config, plan.handler, life);
      const { createdAt, ips } = await deps.sandboxes.status(id, life);
      const state = { id, attempt, ready: true, createdAt, ips };
      runtime = { ...runtime, sandboxes: [state, ...runtime.sandboxes] };
      setStatus(computeStatus(false));
      return { plan, state };
    } catch (failure) {
      signal.throwIfAborted();
      if (createSandbox !== undefined) deps.observe({ type: "pod-start-failed", pod, at: "sandbox" });
      const message = `Failed to create pod sandbox: ${messageOf(failure)}`;
      deps.events.record(pod, { type: "Warning", reason: "FailedCreatePodSandBox", message });
      throw failure;
    }
  }

  /** Stops everything and tells how it ended. */
  async function finishRunning(signal: AbortSignal): Promise<void> {
    runtime = await reader.pod(uid, signal);
    if (runtime.containers.some(({ state }) => state === "running")) setStatus(withoutEnd(computeStatus(false)));
    deps.probes.stopLivenessAndStartup(uid);
    try {
      await deps.stopper.stopPod(pod, runtime, grace(), signal);
    } catch (failure) {
      signal.throwIfAborted();
      const message = `error killing pod: ${messageOf(failure)}`;
      deps.events.record(pod, { type: "Warning", reason: "FailedKillPod", message });
      throw failure;
    }
    runtime = await reader.pod(uid, signal);
    const alive = runtime.containers.filter(({ state }) => state === "running");
    if (alive.length > 0) {
      const names = alive.map(({ name }) => name).join(", ");
      throw new OrlopError("Internal", `containers still run after they were stopped: ${names}`, { retry: "backoff" });
    }
    setStatus(computeStatus(true));
    deps.probes.remove(uid);
  }

  /** A phase that is final is told once nothing runs any more. */
  function withoutEnd(status: PodStatus): PodStatus {
    if (!isTerminalPhase(status.phase)) return status;
    const known = deps.statuses.get(uid) ?? pod.status;
    return { ...status, phase: known?.phase ?? "Pending" };
  }

  async function release(signal: AbortSignal): Promise<void> {
    await deps.volumes.release(uid, signal);
    await deps.cgroups.remove(uid, signal);
    await deps.userNamespaces?.release(uid, signal);
    if (!options.orphan) deps.statuses.finish(uid, pod, deps.apiPod(pod));
  }

  async function step(life: AbortSignal, signal: AbortSignal): Promise<Next> {
    if (stage === "living" && mustEnd()) stage = "ending";
    switch (stage) {
      case "living":
        return live(life, signal);
      case "ending":
        await finishRunning(signal);
        await release(signal);
        stage = "over";
        return { afterMs: 0 };
      case "over":
        if (!abandoned) {
          // A pod that ended by itself and is deleted later.
          if (!options.orphan && mustEnd()) deps.statuses.finish(uid, pod, deps.apiPod(pod));
          return {};
        }
        await deps.remains.removePod(pod, runtime, signal);
        reader.forget(uid);
        stage = "gone";
        return {};
      case "gone":
        return {};
    }
  }

  return {
    uid,
    pod: () => pod,
    runtime: () => runtime,
    stage: () => stage,
    update(next) {
      const wasEnding = mustEnd();
      const before = pod.metadata?.deletionGracePeriodSeconds;
      const isOldHat = !isNews(pod, next);
      pod = next;
      if (isOldHat) return;
      notBefore.clear();
      const after = next.metadata?.deletionGracePeriodSeconds;
      const sooner = before !== undefined && after !== undefined && after < before;
      if (mustEnd() && (!wasEnding || sooner)) turn.abort();
      wake.ring();
    },
    abandon() {
      if (!mustEnd()) turn.abort();
      abandoned = true;
      wake.ring();
    },
    end(next) {
      if (stage !== "living" || end !== undefined) return;
      end = next;
      turn.abort();
      wake.ring();
    },
    poke: () => wake.ring(),
    async run(life) {
      let next: Next = { afterMs: 0 };
      while (!life.aborted && stage !== "gone") {
        try {
          if (next.afterMs !== 0) await wake.wait(next.afterMs, life);
          turn = linkAbort(life);
          next = await step(life, turn.signal);
          failures = 0;
        } catch (failure) {
          if (life.aborted) break;
          if (turn.signal.aborted) {
            next = { afterMs: 0 };
            continue;
          }
          next = { afterMs: retryDelay(failures++) };
          log.warn("A pod could not be brought where it should be, trying again", {
            stage,
            reason: messageOf(failure),
            retryMs: next.afterMs,
          });
        } finally {
          turn.release();
        }
      }
      deps.probes.remove(uid);
    },
  };
}

/** Nothing was tried: the last failure is not long enough ago. */
function isWaiting({ reason }: StartProblem): boolean {
  return reason === "CrashLoopBackOff" || reason === "ImagePullBackOff";
}

function retryDelay(failures: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures, 16), LONGEST_RETRY_MS);
}

/** The newest attempt's id, "" when there is none. */
export function containerIdOf(runtime: PodRuntime, name: string): string {
  return newestAttempt(runtime, name)?.id ?? "";
}
