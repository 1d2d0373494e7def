import { isSidecar, isTerminalPhase } from "../../api/pod.ts";
import type { Container, ContainerStatus, Pod, PodCondition } from "../../api/types.ts";
import { type Phase } from "./phase.ts";

/** Conditions that the kubelet alone writes; all others belong to somebody else and are kept. */
const KUBELET_CONDITIONS: ReadonlySet<string> = new Set([
  "PodScheduled",
  "Ready",
  "Initialized",
  "ContainersReady",
  "PodResizeInProgress",
  "PodResizePending",
  "PodReadyToStartContainers",
  "AllContainersRestarting",
]);

export function isKubeletCondition(type: string): boolean {
  return KUBELET_CONDITIONS.has(type);
}

export interface ConditionsInput {
  readonly pod: Pod;
  readonly phase: Phase;
  /** Init containers first. */
  readonly statuses: readonly ContainerStatus[];
  /** Conditions of others, for readiness gates. */
  readonly foreign: readonly PodCondition[];
  readonly hasSandbox: boolean;
}

/** A condition before its transition time is known. */
export interface ConditionDraft {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly message?: string;
}

/** The conditions the kubelet owns, in the order upstream writes them. */
export function kubeletConditions(input: ConditionsInput): readonly ConditionDraft[] {
  const containersReady = containersReadyCondition(input);
  return [
    { type: "PodReadyToStartContainers", status: input.hasSandbox ? "True" : "False" },
    initializedCondition(input),
    readyCondition(input, containersReady),
    containersReady,
    { type: "PodScheduled", status: "True" },
  ];
}

function find(statuses: readonly ContainerStatus[], container: Container): ContainerStatus | undefined {
  return statuses.find(({ name }) => name === container.name);
}

function names(containers: readonly Container[]): string {
  return `[${containers.map(({ name }) => name).join(" ")}]`;
}

function problems(unknown: readonly Container[], wrong: readonly Container[], what: string): string {
  return [
    ...(unknown.length > 0 ? [`containers with unknown status: ${names(unknown)}`] : []),
    ...(wrong.length > 0 ? [`containers with ${what} status: ${names(wrong)}`] : []),
  ].join(", ");
}

/** What ContainersReady and Ready say once the pod is over. */
export function overCondition(type: "Ready" | "ContainersReady", phase: "Succeeded" | "Failed"): ConditionDraft {
  return { type, status: "False", reason: phase === "Failed" ? "PodFailed" : "PodCompleted" };
}

function containersReadyCondition({ pod, phase, statuses }: ConditionsInput): ConditionDraft {
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const expected = [...initContainers.filter(isSidecar), ...containers];
  const unknown = expected.filter((container) => find(statuses, container) === undefined);
  if (isTerminalPhase(phase) && (phase === "Failed" || unknown.length === 0)) {
    return overCondition("ContainersReady", phase);
  }
  const unready = expected.filter((container) => find(statuses, container)?.ready === false);
  const message = problems(unknown, unready, "unready");
  if (message === "") return { type: "ContainersReady", status: "True" };
  return { type: "ContainersReady", status: "False", reason: "ContainersNotReady", message };
}

function readyCondition({ pod, foreign }: ConditionsInput, containersReady: ConditionDraft): ConditionDraft {
  if (containersReady.status !== "True") return { ...containersReady, type: "Ready" };
  const messages = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = foreign.find(({ type }) => type === conditionType);
    if (condition === undefined) {
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    }
    if (condition.status === "True") return [];
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
  });
  if (messages.length === 0) return { type: "Ready", status: "True" };
  return { type: "Ready", status: "False", reason: "ReadinessGatesNotReady", message: messages.join(", ") };
}

function initializedCondition({ pod, phase, statuses }: ConditionsInput): ConditionDraft {
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const unknown = initContainers.filter((container) => find(statuses, container) === undefined);
  if (phase === "Succeeded" && unknown.length === 0) {
    return { type: "Initialized", status: "True", reason: "PodCompleted" };
  }
  const started = containers.some((container) => {
    const state = find(statuses, container)?.state;
    return state?.running !== undefined || state?.terminated !== undefined;
  });
  if (started) return { type: "Initialized", status: "True" };
  const incomplete = initContainers.filter((container) => {
    const status = find(statuses, container);
    if (status === undefined) return false;
    return isSidecar(container) ? status.started !== true : !status.ready;
  });
  const message = problems(unknown, incomplete, "incomplete");
  if (message === "") return { type: "Initialized", status: "True" };
  return { type: "Initialized", status: "False", reason: "ContainersNotInitialized", message };
}
