import { isSidecar } from "../../api/pod.ts";
import type { Container, Pod } from "../../api/types.ts";
import { type ContainerKill, hasChanged, killOfUnknown, type ProbeVerdicts } from "./container-kill.ts";
import { type ContainerAttempt, newestAttempt, type PodRuntime } from "./pod-runtime.ts";
import { restartsAfterExit, restartsAfterKill } from "./restart-policy.ts";

export interface InitPlan {
  /** "done": main containers may start. "failed": the pod is over. */
  readonly outcome: "done" | "in-progress" | "failed";
  /** Names in the order they start; sidecars that have to come back are in here after initialization as well. */
  readonly start: readonly string[];
  readonly kill: readonly ContainerKill[];
}

/**
 * Where a pod is in its initialization. Goes from the last init container to the first: remains of earlier ones may have
 * been removed, so the last one that is still known tells how far things are.
 */
export function planInitContainers(pod: Pod, runtime: PodRuntime, probes: ProbeVerdicts): InitPlan {
  const initContainers = pod.spec?.initContainers ?? [];
  if (initContainers.length === 0) return { outcome: "done", start: [], kill: [] };

  const start: string[] = [];
  const kill: ContainerKill[] = [];
  let done = mainContainerIsUp(pod, runtime);
  // From here backwards, containers are known to have been initialized once.
  let passed = done;

  for (const [index, container] of [...initContainers.entries()].toReversed()) {
    const attempt = newestAttempt(runtime, container.name);
    const sidecar = isSidecar(container);
    if (attempt === undefined) {
      if (passed && sidecar) start.push(container.name);
      continue;
    }
    if (passed && !sidecar) continue;
    const step = sidecar ? stepSidecar(container, attempt, probes) : stepInitContainer(container, attempt, pod);
    if (step.outcome === "failed") return { outcome: "failed", start: [], kill: [] };
    if (step.outcome === "initialized") {
      const next = initContainers[index + 1];
      if (next === undefined) done = true;
      else if (!passed) start.push(next.name);
    }
    if (step.kill !== undefined) kill.push(step.kill);
    if (step.start) start.push(container.name);
    passed = true;
  }
  if (!passed) start.push(...initContainers.slice(0, 1).map(({ name }) => name));
  return { outcome: done ? "done" : "in-progress", start: start.toReversed(), kill };
}

function mainContainerIsUp(pod: Pod, runtime: PodRuntime): boolean {
  return (pod.spec?.containers ?? []).some(({ name }) => {
    const state = newestAttempt(runtime, name)?.state;
    return state === "created" || state === "running";
  });
}

interface InitStep {
  readonly outcome: "initialized" | "waiting" | "failed";
  readonly start: boolean;
  readonly kill?: ContainerKill;
}

function stepInitContainer(container: Container, attempt: ContainerAttempt, pod: Pod): InitStep {
  switch (attempt.state) {
    case "running":
      return { outcome: "waiting", start: false };
    case "created":
      // Creating and starting are one step: whoever stops in between could not be started.
      return { outcome: "waiting", start: true };
    case "exited":
      if (!hasFailed(attempt)) return { outcome: "initialized", start: false };
      return restartsAfterExit(container, pod, attempt.exitCode)
        ? { outcome: "waiting", start: true }
        : { outcome: "failed", start: false };
    case "unknown":
      return restartsAfterKill(container, pod)
        ? { outcome: "waiting", start: true, kill: killOfUnknown(attempt, "Init container") }
        : { outcome: "failed", start: false };
  }
}

function hasFailed(attempt: ContainerAttempt): boolean {
  return attempt.reason === "OOMKilled" || attempt.exitCode !== 0;
}

function stepSidecar(container: Container, attempt: ContainerAttempt, probes: ProbeVerdicts): InitStep {
  const restartAfter = (reason: ContainerKill["reason"], message: string): Pick<InitStep, "start" | "kill"> => ({
    start: true,
    kill: { id: attempt.id, name: container.name, reason, message },
  });
  switch (attempt.state) {
    case "created":
    case "exited":
      return { outcome: "waiting", start: true };
    case "unknown":
      return { outcome: "waiting", start: true, kill: killOfUnknown(attempt, "Init container") };
    case "running": {
      if (container.startupProbe !== undefined) {
        const startup = probes.startup(attempt.id);
        if (startup === "failure") {
          return {
            outcome: "waiting",
            ...restartAfter("startup-probe", `Init container ${container.name} failed startup probe`),
          };
        }
        if (startup === undefined) return { outcome: "waiting", start: false };
      }
      if (hasChanged(container, attempt)) {
        return {
          outcome: "initialized",
          ...restartAfter("definition-changed", `Init container ${container.name} definition changed`),
        };
      }
      if (container.livenessProbe !== undefined && probes.liveness(attempt.id) === "failure") {
        return {
          outcome: "initialized",
          ...restartAfter("liveness-probe", `Init container ${container.name} failed liveness probe`),
        };
      }
      return { outcome: "initialized", start: false };
    }
  }
}
