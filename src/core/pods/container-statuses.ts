import { isSidecar } from "../../api/pod.ts";
import type { Container, ContainerState, ContainerStatus, EphemeralContainer, Pod } from "../../api/types.ts";
import { type ContainerAttempt, hasRegularContainer, type PodRuntime } from "./pod-runtime.ts";
import { shouldStart } from "./restart-policy.ts";
import { statusResources } from "./status-resources.ts";

/** Why a container could not be started at the last try. */
export interface StartProblem {
  /** e.g. "CrashLoopBackOff", "ErrImagePull". */
  readonly reason: string;
  readonly message: string;
}

export interface ContainerStatusesInput {
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  readonly kind: "init" | "container" | "ephemeral";
  readonly containers: readonly (Container | EphemeralContainer)[];
  /** What was last reported. */
  readonly previous: readonly ContainerStatus[];
  readonly startProblem: (containerName: string) => StartProblem | undefined;
  readonly recursiveReadOnlyMounts: boolean;
}

export const LOST_MESSAGE = "The container could not be located when the pod was terminated";

/** Statuses without `ready` and `started`, which depend on probes. Sorted as upstream sorts them. */
export function containerStatuses(input: ContainerStatusesInput): readonly ContainerStatus[] {
  const statuses = input.containers.map((container) => statusOf(container, input));
  // Init containers keep the order of the spec, the others are sorted by name.
  return input.kind === "init" ? statuses : statuses.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function statusOf(container: Container | EphemeralContainer, input: ContainerStatusesInput): ContainerStatus {
  const { pod, runtime, kind } = input;
  const previous = input.previous.find(({ name }) => name === container.name);
  const attempts = runtime.containers.filter(({ name }) => name === container.name);
  const [newest, before] = attempts;
  let status =
    newest === undefined
      ? statusWithoutAttempt(container, previous, input)
      : statusOfAttempt(container, newest, previous, input);
  if (before !== undefined) {
    const { state } = statusOfAttempt(container, before, previous, input);
    if (state !== undefined) status = { ...status, lastState: state };
  }
  if (kind === "init") {
    if (newest?.state === "exited" && newest.exitCode === 0) return status;
    if (
      newest === undefined &&
      !isSidecar(container) &&
      hasRegularContainer(pod, runtime) &&
      status.state?.waiting !== undefined
    ) {
      return { ...status, state: { terminated: INIT_DONE } };
    }
  }
  return withStartProblem(container, status, input);
}

const INIT_DONE: NonNullable<ContainerState["terminated"]> = {
  reason: "Completed",
  message:
    "Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally",
  exitCode: 0,
};

/** A container that is about to be started again is waiting, and its end is history. */
function withStartProblem(
  container: Container | EphemeralContainer,
  status: ContainerStatus,
  { pod, runtime, startProblem }: ContainerStatusesInput,
): ContainerStatus {
  const problem = startProblem(container.name);
  if (problem === undefined || !shouldStart(container, pod, runtime)) return status;
  const { reason, message } = problem;
  return {
    ...status,
    ...(status.state?.terminated !== undefined && { lastState: status.state }),
    state: { waiting: { reason, ...(message !== "" && { message }) } },
  };
}

function blankStatus(
  container: Container | EphemeralContainer,
  { pod, recursiveReadOnlyMounts }: ContainerStatusesInput,
): ContainerStatus {
  const volumeMounts = (container.volumeMounts ?? []).map(({ name, mountPath, readOnly, recursiveReadOnly }) => {
    const wanted = recursiveReadOnly === "Enabled" || (recursiveReadOnly === "IfPossible" && recursiveReadOnlyMounts);
    return {
      name,
      mountPath,
      ...(readOnly === true && { readOnly, recursiveReadOnly: wanted ? "Enabled" : "Disabled" }),
    };
  });
  const reason = (pod.spec?.initContainers ?? []).length > 0 ? "PodInitializing" : "ContainerCreating";
  return {
    name: container.name,
    image: container.image ?? "",
    imageID: "",
    ready: false,
    restartCount: 0,
    lastState: {},
    state: { waiting: { reason } },
    ...(volumeMounts.length > 0 && { volumeMounts }),
  };
}

function statusWithoutAttempt(
  container: Container | EphemeralContainer,
  previous: ContainerStatus | undefined,
  input: ContainerStatusesInput,
): ContainerStatus {
  const blank = blankStatus(container, input);
  if (previous === undefined) return blank;
  if (previous.state?.terminated !== undefined) return previous;
  const status = {
    ...blank,
    restartCount: previous.restartCount,
    ...(previous.lastState !== undefined && { lastState: previous.lastState }),
  };
  if (previous.state?.running === undefined || status.lastState?.terminated !== undefined) return status;
  // It ran, nobody knows how it ended: saying "waiting" alone would let a pod that runs once run twice.
  return {
    ...status,
    lastState: {
      terminated: {
        reason: "ContainerStatusUnknown",
        message: "The container could not be located when the pod was deleted.  The container used to be Running",
        exitCode: 137,
      },
    },
    ...(input.pod.metadata?.deletionTimestamp === undefined && { restartCount: status.restartCount + 1 }),
  };
}

function statusOfAttempt(
  container: Container | EphemeralContainer,
  attempt: ContainerAttempt,
  previous: ContainerStatus | undefined,
  input: ContainerStatusesInput,
): ContainerStatus {
  const { volumeMounts } = blankStatus(container, input);
  const lost = attempt.state === "unknown" && previous?.state?.running !== undefined;
  const restartCount = Math.max(attempt.attempt, previous?.restartCount ?? 0);
  return {
    name: container.name,
    image: attempt.image,
    imageID: attempt.imageRef,
    containerID: attempt.qualifiedId,
    ready: false,
    restartCount: lost ? (previous?.restartCount ?? 0) + 1 : restartCount,
    lastState: lastStateOf(attempt, previous),
    state: lost
      ? { terminated: { reason: "ContainerStatusUnknown", message: LOST_MESSAGE, exitCode: 137 } }
      : stateOf(attempt),
    ...(container.resources?.requests !== undefined && { allocatedResources: container.resources.requests }),
    ...(container.resources !== undefined && { resources: statusResources(container, attempt) }),
    ...(attempt.user !== undefined && { user: { linux: userOf(attempt.user) } }),
    ...(attempt.stopSignal !== undefined && { stopSignal: attempt.stopSignal }),
    ...(volumeMounts !== undefined && { volumeMounts }),
  };
}

function userOf(user: NonNullable<ContainerAttempt["user"]>): {
  readonly uid: number;
  readonly gid: number;
  readonly supplementalGroups?: readonly number[];
} {
  const { uid, gid, supplementalGroups } = user;
  return { uid, gid, ...(supplementalGroups.length > 0 && { supplementalGroups }) };
}

/** The runtime keeps one dead attempt at most; what was reported before fills the gap. */
function lastStateOf(attempt: ContainerAttempt, previous: ContainerStatus | undefined): ContainerState {
  if (previous === undefined) return {};
  if (previous.containerID !== attempt.qualifiedId && previous.state?.terminated !== undefined) {
    return { terminated: previous.state.terminated };
  }
  return previous.lastState?.terminated === undefined ? {} : { terminated: previous.lastState.terminated };
}

export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/u, "Z");
}

function stateOf(attempt: ContainerAttempt): ContainerState {
  switch (attempt.state) {
    case "running":
      return { running: { startedAt: timestamp(attempt.startedAt) } };
    case "exited":
      return {
        terminated: {
          exitCode: attempt.exitCode,
          ...(attempt.reason !== "" && { reason: attempt.reason }),
          ...(attempt.message !== "" && { message: attempt.message }),
          ...(attempt.startedAt > 0 && { startedAt: timestamp(attempt.startedAt) }),
          ...(attempt.finishedAt > 0 && { finishedAt: timestamp(attempt.finishedAt) }),
          containerID: attempt.qualifiedId,
        },
      };
    case "created":
    case "unknown":
      return { waiting: {} };
  }
}
