import { isSidecar } from "../../api/pod.ts";
import type { Container, ContainerStatus, Pod } from "../../api/types.ts";
import { restartsAfterExit } from "./restart-policy.ts";

export type Phase = "Pending" | "Running" | "Succeeded" | "Failed";

export interface PhaseInput {
  readonly pod: Pod;
  /** Statuses of init and main containers. */
  readonly statuses: readonly ContainerStatus[];
  /** The pod is over: nothing of it will be started again. */
  readonly terminal: boolean;
  /** A main container of the current sandbox exists: initialization was finished once. */
  readonly initialized: boolean;
  readonly isStatic: boolean;
}

interface Tally {
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  stoppedForGood: number;
  succeeded: number;
}

/** The phase that the states of the containers amount to. */
export function phaseOf({ pod, statuses, terminal, initialized, isStatic }: PhaseInput): Phase {
  const status = new Map(statuses.map((status) => [status.name, status]));
  const initContainers = pod.spec?.initContainers ?? [];
  const init = initContainers
    .filter((container) => !isSidecar(container))
    .map((container) => initProgress(container, status.get(container.name), pod));
  const tally: Tally = { unknown: 0, running: 0, waiting: 0, stopped: 0, stoppedForGood: 0, succeeded: 0 };
  const pendingSidecars = initContainers
    .filter(isSidecar)
    .filter((container) => tallySidecar(status.get(container.name), tally)).length;
  for (const container of pod.spec?.containers ?? []) tallyMain(container, status.get(container.name), pod, tally);

  if (init.includes("failed-for-good")) return "Failed";
  // A pod that was initialized does not fall back to Pending because a sidecar restarts.
  if (init.includes("pending") || (pendingSidecars > 0 && !initialized) || tally.waiting > 0) return "Pending";
  if (tally.running > 0 && tally.unknown === 0) return "Running";
  if (tally.running === 0 && tally.stopped > 0 && tally.unknown === 0) {
    const outcome = tally.stopped === tally.succeeded ? "Succeeded" : "Failed";
    if (terminal && !isStatic) return outcome;
    return tally.stopped === tally.stoppedForGood ? outcome : "Running";
  }
  return "Pending";
}

function initProgress(
  container: Container,
  status: ContainerStatus | undefined,
  pod: Pod,
): "done" | "pending" | "failing" | "failed-for-good" {
  const ended = status?.state?.terminated ?? (status?.state?.waiting && status.lastState?.terminated);
  if (ended === undefined) return "pending";
  if (ended.exitCode === 0) return "done";
  return restartsAfterExit(container, pod, ended.exitCode) ? "failing" : "failed-for-good";
}

/** @returns whether the sidecar has not come up yet */
function tallySidecar(status: ContainerStatus | undefined, tally: Tally): boolean {
  const state = status?.state;
  if (status === undefined) {
    tally.unknown++;
    return false;
  }
  if (state?.running !== undefined) {
    tally.running++;
    return status.started !== true;
  }
  if (state?.terminated !== undefined) return false;
  if (state?.waiting === undefined) {
    tally.unknown++;
    return true;
  }
  if (status.lastState?.terminated !== undefined) return false;
  tally.waiting++;
  return true;
}

function tallyMain(container: Container, status: ContainerStatus | undefined, pod: Pod, tally: Tally): void {
  const state = status?.state;
  if (state?.running !== undefined) {
    tally.running++;
    return;
  }
  const ended = state?.terminated ?? (state?.waiting && status?.lastState?.terminated);
  if (ended !== undefined) {
    tally.stopped++;
    if (!restartsAfterExit(container, pod, ended.exitCode)) tally.stoppedForGood++;
    if (state?.terminated?.exitCode === 0) tally.succeeded++;
    return;
  }
  if (state?.waiting === undefined) tally.unknown++;
  else tally.waiting++;
}
