import { isTerminalPhase } from "../../api/pod.ts";
import type { Pod, PodStatus } from "../../api/types.ts";
import type { ConditionDraft } from "../../core/pods/conditions.ts";
import { deadlineOf } from "../../core/pods/deadline.ts";
import { computePodActions } from "../../core/pods/pod-actions.ts";
import { isNews } from "../../core/pods/pod-news.ts";
import { NOTHING_RUNNING, type PodRuntime } from "../../core/pods/pod-runtime.ts";
import { computePodStatus } from "../../core/pods/pod-status.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { type LinkedAbort, linkAbort } from "../../machinery/linked-abort.ts";
import type { PodCgroups, PodVolumes } from "../pod-volumes.ts";
import type { ProbeManager } from "../probes/probe-manager.ts";
import { UnprotectedPod } from "../userns/mapping-proofs.ts";
import { containerTarget } from "./container-starter.ts";
import { type BringUpResult, createPodBringUp, type PodBringUpDeps } from "./pod-bring-up.ts";
import { retryDelay } from "./retry-delay.ts";
import type { RuntimeReader } from "./runtime-reader.ts";
import type { PodUserNamespaces } from "./sandbox-plan.ts";
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

/** "over": everything of the pod is released; it only waits to be deleted. "gone": not even remains are left. */
export type PodStage = "living" | "ending" | "over" | "gone";

/** The life of one pod on this node, worked on by one hand at a time. */
export interface PodWorker {
  readonly uid: string;
  readonly isStatic: boolean;
  /** The newest spec. */
  pod(): Pod;
  runtime(): PodRuntime;
  stage(): PodStage;
  update(pod: Pod): void;
  /** Nobody wants it any more: it is ended, and its remains removed. */
  abandon(): void;
  end(end: PodEnd): void;
  /** Something about it may have changed. */
  poke(): void;
  /** Works until the pod is gone or the signal aborts. Never rejects. */
  run(life: AbortSignal): Promise<void>;
}

export interface PodWorkerDeps extends PodBringUpDeps {
  readonly reader: RuntimeReader;
  readonly volumes: Pick<PodVolumes, "prepare" | "groups" | "release">;
  readonly cgroups: Pick<PodCgroups, "remove">;
  readonly userNamespaces?: Pick<PodUserNamespaces, "release" | "prove" | "problemOf">;
  readonly probes: ProbeManager;
  readonly statuses: StatusManager;
  /** The object that shows a static pod at the API server; undefined while there is none. */
  readonly mirrorOf: (pod: Pod) => Pod | undefined;
  /** Why pods can not get a network now; undefined when they can. */
  readonly networkProblem: () => string | undefined;
}

export interface PodWorkerOptions {
  readonly isStatic: boolean;
  /** Found in the runtime without anybody knowing it: there is no object to tell its status to. */
  readonly orphan: boolean;
  /** How often volumes of a running pod are refreshed and all is looked over, milliseconds. */
  readonly syncPeriodMs: number;
  /** Whether a runtime handler can make read-only mounts recursive. */
  readonly recursiveReadOnlyMounts: (handler: string) => boolean;
}

/** Before the first turn there is nothing to break off. */
const NO_TURN: LinkedAbort = {
  signal: new AbortController().signal,
  abort: () => undefined,
  release: () => undefined,
};
const NETWORK_RETRY_MS = 1_000;

interface Next {
  /** undefined: wait for news. */
  readonly afterMs?: number;
}

/** Longer than most files: the stages of one life share what is known of the pod, and are read in order. */
export function createPodWorker(deps: PodWorkerDeps, initial: Pod, options: PodWorkerOptions): PodWorker {
  const uid = initial.metadata?.uid ?? "";
  const { clock, reader } = deps;
  const log = deps.log.with({ pod: initial.metadata?.name, namespace: initial.metadata?.namespace, podUid: uid });
  const wake = createWake(clock);
  const bringUp = createPodBringUp({ ...deps, log }, initial, { refreshPeriodMs: options.syncPeriodMs });
  const seenAt = clock.monotonic();
  let pod = initial;
  let runtime = NOTHING_RUNNING;
  let stage: PodStage = "living";
  let end: PodEnd | undefined;
  let abandoned = false;
  /** Whether the runtime was ever asked what it has of the pod. */
  let looked = false;
  let wasRunning = initial.status?.phase === "Running";
  /** What was told last of the pod's user namespace. */
  let toldProblem: string | undefined;
  let turn = NO_TURN;

  const apiPod = (): Pod | undefined => (options.isStatic ? deps.mirrorOf(pod) : pod);
  const mustEnd = (): boolean => abandoned || end !== undefined || pod.metadata?.deletionTimestamp !== undefined;

  function computeStatus(terminal: boolean): PodStatus {
    const handler = bringUp.handler();
    return computePodStatus({
      pod,
      runtime,
      previous: deps.statuses.get(uid) ?? apiPod()?.status ?? pod.status ?? {},
      probes: deps.probes.statesOf(uid),
      startProblem: bringUp.problem,
      terminal,
      ...(terminal && end !== undefined && { ended: { reason: end.reason, message: end.message } }),
      ...(terminal && end?.condition !== undefined && { extraConditions: [end.condition] }),
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
    if (!options.orphan) deps.statuses.set(uid, apiPod(), status);
  }

  /** One look at everything, and the steps that follow from it. */
  async function live(life: AbortSignal, signal: AbortSignal): Promise<Next> {
    deps.probes.add(pod, life);
    if (!looked && (pod.status?.phase ?? "Pending") === "Pending") bringUp.anticipate(pod, signal);
    runtime = await reader.pod(uid, signal);
    looked = true;
    const status = computeStatus(false);
    const deadline = deadlineOf(pod, status.startTime, clock.now());
    if (deadline.state === "exceeded") {
      end = { reason: deadline.reason, message: deadline.message };
      deps.events.record(pod, { type: "Normal", ...end });
    }
    if (end !== undefined || isTerminalPhase(status.phase)) {
      stage = "ending";
      return { afterMs: 0 };
    }
    setStatus(status);

    const actions = computePodActions(pod, runtime, deps.probes.verdicts);
    const problem = deps.networkProblem();
    if (actions.createSandbox !== undefined && problem !== undefined && pod.spec?.hostNetwork !== true) {
      const message = `network is not ready: ${problem}`;
      deps.events.record(pod, { type: "Warning", reason: "NetworkNotReady", message });
      return { afterMs: NETWORK_RETRY_MS };
    }
    const onSandbox = (seen: PodRuntime): void => {
      runtime = seen;
      setStatus(computeStatus(false));
    };
    let performed: BringUpResult;
    try {
      await proveRunning(signal);
      performed = await bringUp.perform({ pod, actions, runtime, life, turn: signal, onSandbox });
      if (performed.changed) [runtime] = await Promise.all([reader.pod(uid, signal), performed.proven]);
    } catch (failure) {
      if (!(failure instanceof UnprotectedPod)) throw failure;
      end = { reason: "UserNamespaceNotApplied", message: failure.message, graceSeconds: 0 };
      deps.events.record(pod, { type: "Warning", reason: end.reason, message: end.message });
      stage = "ending";
      return { afterMs: 0 };
    }
    const { changed, retryAt } = performed;
    if (changed) {
      const after = computeStatus(false);
      // The end of a pod is told when everything is stopped, not before.
      if (isTerminalPhase(after.phase)) return { afterMs: 0 };
      setStatus(after);
    }
    const times = [
      options.syncPeriodMs,
      ...(retryAt === undefined ? [] : [retryAt - clock.now()]),
      ...(deadline.state === "running" ? [deadline.remainingMs] : []),
    ];
    return { afterMs: Math.max(0, Math.min(...times)) };
  }

  /** Also what an earlier kubelet started, which may not have come to look at it. */
  async function proveRunning(signal: AbortSignal): Promise<void> {
    if (pod.spec?.hostUsers !== false) return;
    const running = runtime.containers.filter(({ state }) => state === "running");
    const targets = running.map(({ name, id }) => containerTarget(deps, name, id));
    await deps.userNamespaces?.prove?.(uid, targets, signal);
    const problem = running.length > 0 ? deps.userNamespaces?.problemOf?.(uid) : undefined;
    if (problem !== undefined && problem !== toldProblem) {
      toldProblem = problem;
      const message = `The pod goes on, but none of its containers can be started again: ${problem}`;
      deps.events.record(pod, { type: "Warning", reason: "UserNamespaceMappingUnusable", message });
    }
  }

  /** Stops everything and tells how it ended. */
  async function finishRunning(signal: AbortSignal): Promise<void> {
    runtime = await reader.pod(uid, signal);
    if (runtime.containers.some(({ state }) => state === "running")) setStatus(withoutEnd(computeStatus(false)));
    deps.probes.stopLivenessAndStartup(uid);
    try {
      await deps.stopper.stopPod(pod, runtime, end?.graceSeconds, signal);
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
    // Its process has the pod's IDs and its network: what it holds must not be given to others.
    const standing = runtime.sandboxes.filter(({ ready }) => ready);
    if (standing.length > 0) {
      const ids = standing.map(({ id }) => id).join(", ");
      throw new OrlopError("Internal", `the pod's sandbox still runs after it was stopped: ${ids}`, {
        retry: "backoff",
      });
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
    if (!options.orphan) deps.statuses.finish(uid, pod, apiPod());
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
          if (!options.orphan && mustEnd()) deps.statuses.finish(uid, pod, apiPod());
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

  async function observedStep(life: AbortSignal, signal: AbortSignal): Promise<Next> {
    const begun = clock.monotonic();
    const operation = stage !== "living" || mustEnd() ? "kill" : looked ? "sync" : "create";
    try {
      return await step(life, signal);
    } finally {
      deps.observe({ type: "pod-synced", operation, tookMs: clock.monotonic() - begun });
    }
  }

  return {
    uid,
    isStatic: options.isStatic,
    pod: () => pod,
    runtime: () => runtime,
    stage: () => stage,
    update(next) {
      if (!isNews(pod, next)) {
        pod = next;
        return;
      }
      const wasEnding = mustEnd();
      const before = pod.metadata?.deletionGracePeriodSeconds;
      const after = next.metadata?.deletionGracePeriodSeconds;
      pod = next;
      bringUp.reconsider();
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
      let failures = 0;
      while (!life.aborted && stage !== "gone") {
        try {
          if (next.afterMs !== 0) await wake.wait(next.afterMs, life);
          turn = linkAbort(life);
          next = await observedStep(life, turn.signal);
          failures = 0;
        } catch (failure) {
          if (life.aborted) break;
          if (turn.signal.aborted) {
            next = { afterMs: 0 };
            continue;
          }
          next = { afterMs: retryDelay(failures++) };
          const reason = messageOf(failure);
          log.warn("A pod could not be brought where it should be, trying again", { stage, reason, ...next });
        } finally {
          turn.release();
        }
      }
      deps.probes.remove(uid);
    },
  };
}
