import type { Container, Pod } from "../../api/types.ts";
import {
  type ContainerKill,
  hasChanged,
  killOfUnknown,
  type KillReason,
  type ProbeVerdicts,
} from "./container-kill.ts";
import type { ContainerKind } from "./containers.ts";
import { planInitContainers } from "./init-container-actions.ts";
import {
  type ContainerAttempt,
  hasRegularContainer,
  newestAttempt,
  type PodRuntime,
  sandboxNeed,
} from "./pod-runtime.ts";
import { effectiveRestartPolicy, restartsAfterKill, shouldStart } from "./restart-policy.ts";

export interface ContainerStart {
  readonly kind: ContainerKind;
  readonly name: string;
}

/** What has to happen so that the runtime comes closer to what the pod's spec asks for. */
export interface PodActions {
  /** Stop everything that runs, first. */
  readonly killPod: boolean;
  /** Then make a sandbox; everything in `start` goes into it. */
  readonly createSandbox?: { readonly attempt: number; readonly replaces?: string };
  /** Kill these before anything is started. */
  readonly kill: readonly ContainerKill[];
  /** In this order. A failing init container that is no sidecar ends the list. */
  readonly start: readonly ContainerStart[];
}

export function computePodActions(pod: Pod, runtime: PodRuntime, probes: ProbeVerdicts): PodActions {
  const need = sandboxNeed(pod, runtime);
  if (need.need === "create") return actionsForNewSandbox(pod, runtime, need);

  const ephemeral = (pod.spec?.ephemeralContainers ?? [])
    .filter(({ name }) => newestAttempt(runtime, name) === undefined)
    .map(({ name }): ContainerStart => ({ kind: "ephemeral", name }));

  const init = planInitContainers(pod, runtime, probes);
  const initStarts = init.start.map((name): ContainerStart => ({ kind: "init", name }));
  if (init.outcome === "failed") return { killPod: true, kill: [], start: [] };
  if (init.outcome === "in-progress") return { killPod: false, kill: init.kill, start: [...ephemeral, ...initStarts] };

  const main = (pod.spec?.containers ?? []).map((container) => decideContainer(container, pod, runtime, probes));
  const start = main.flatMap(({ start }) => (start === undefined ? [] : [start]));
  const kept = main.some(({ keep }) => keep);
  // With no main container left, sidecars must not keep the pod alive.
  if (!kept && start.length === 0) return { killPod: true, kill: [], start: [] };
  return {
    killPod: false,
    kill: [...init.kill, ...main.flatMap(({ kill }) => (kill === undefined ? [] : [kill]))],
    start: [...ephemeral, ...initStarts, ...start],
  };
}

function actionsForNewSandbox(
  pod: Pod,
  runtime: PodRuntime,
  need: { readonly attempt: number; readonly replaces?: string },
): PodActions {
  const kill: PodActions = { killPod: true, kill: [], start: [] };
  // A pod that runs once and has run is not given a second life because its sandbox went away.
  const neverAgain = pod.spec?.restartPolicy === "Never";
  if (neverAgain && need.attempt !== 0 && runtime.containers.length > 0) return kill;

  const toStart = (pod.spec?.containers ?? []).filter(
    (container) => !(effectiveRestartPolicy(container, pod) === "OnFailure" && hasSucceeded(runtime, container.name)),
  );
  if (toStart.length === 0 && hasRegularContainer(pod, runtime)) return kill;

  const firstInit = pod.spec?.initContainers?.[0];
  const start: readonly ContainerStart[] =
    firstInit === undefined
      ? toStart.map(({ name }) => ({ kind: "container", name }))
      : [{ kind: "init", name: firstInit.name }];
  return {
    killPod: true,
    createSandbox: { attempt: need.attempt, ...(need.replaces !== undefined && { replaces: need.replaces }) },
    kill: [],
    start,
  };
}

function hasSucceeded(runtime: PodRuntime, name: string): boolean {
  const attempt = newestAttempt(runtime, name);
  return attempt?.state === "exited" && attempt.exitCode === 0;
}

interface ContainerDecision {
  readonly keep: boolean;
  readonly kill?: ContainerKill;
  readonly start?: ContainerStart;
}

function decideContainer(
  container: Container,
  pod: Pod,
  runtime: PodRuntime,
  probes: ProbeVerdicts,
): ContainerDecision {
  const start: ContainerStart = { kind: "container", name: container.name };
  const attempt = newestAttempt(runtime, container.name);
  if (attempt === undefined || attempt.state !== "running") {
    if (!shouldStart(container, pod, runtime)) return { keep: false };
    return attempt?.state === "unknown"
      ? { keep: false, start, kill: killOfUnknown(attempt, "Container") }
      : { keep: false, start };
  }
  const problem = problemOf(container, attempt, probes);
  if (problem === undefined) return { keep: true };
  const restart = problem.reason === "definition-changed" || restartsAfterKill(container, pod);
  const kill: ContainerKill = {
    id: attempt.id,
    name: container.name,
    reason: problem.reason,
    message: restart ? `${problem.message}, will be restarted` : problem.message,
  };
  return restart ? { keep: false, kill, start } : { keep: false, kill };
}

function problemOf(
  container: Container,
  attempt: ContainerAttempt,
  probes: ProbeVerdicts,
): { readonly reason: KillReason; readonly message: string } | undefined {
  if (hasChanged(container, attempt)) {
    return { reason: "definition-changed", message: `Container ${container.name} definition changed` };
  }
  if (probes.liveness(attempt.id) === "failure") {
    return { reason: "liveness-probe", message: `Container ${container.name} failed liveness probe` };
  }
  if (probes.startup(attempt.id) === "failure") {
    return { reason: "startup-probe", message: `Container ${container.name} failed startup probe` };
  }
  return undefined;
}
