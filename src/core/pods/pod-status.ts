import { isSidecar, isTerminalPhase } from "../../api/pod.ts";
import type { ContainerStatus, Pod, PodCondition, PodStatus } from "../../api/types.ts";
import { type ConditionDraft, isKubeletCondition, kubeletConditions } from "./conditions.ts";
import { containerStatuses, type StartProblem, timestamp } from "./container-statuses.ts";
import { type Phase, phaseOf } from "./phase.ts";
import { newestAttempt, type PodRuntime, sandboxNeed } from "./pod-runtime.ts";
import { qosClassOf } from "./qos-class.ts";

/** What probes say about a container that runs. */
export interface ProbeStates {
  /** Whether its startup probe (if any) succeeded. */
  readonly isStarted: (containerName: string, containerId: string) => boolean;
  /** Whether its readiness probe (if any) succeeds. */
  readonly isReady: (containerName: string, containerId: string) => boolean;
}

export interface PodStatusInput {
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  /** What was last computed, or what the API server has. */
  readonly previous: PodStatus;
  readonly probes: ProbeStates;
  readonly startProblem: (containerName: string) => StartProblem | undefined;
  /** The pod is over: its containers are stopped for good. */
  readonly terminal: boolean;
  /** Set when the kubelet itself ends the pod (deadline, eviction, rejection). */
  readonly ended?: { readonly reason: string; readonly message: string };
  /** Added to the conditions while the pod is being ended, e.g. DisruptionTarget. */
  readonly extraConditions?: readonly ConditionDraft[];
  /** Primary first. */
  readonly hostIps: readonly string[];
  readonly isStatic: boolean;
  readonly recursiveReadOnlyMounts: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole status of a pod, from what runs and from what was reported before. */
export function computePodStatus(input: PodStatusInput): PodStatus {
  const { pod, runtime, previous } = input;
  const spec = pod.spec;
  const common = {
    pod,
    runtime,
    startProblem: input.startProblem,
    recursiveReadOnlyMounts: input.recursiveReadOnlyMounts,
  };
  const withProbes = (status: ContainerStatus): ContainerStatus => applyProbes(status, input);
  const main = containerStatuses({
    ...common,
    kind: "container",
    containers: spec?.containers ?? [],
    previous: previous.containerStatuses ?? [],
  }).map(withProbes);
  const init = containerStatuses({
    ...common,
    kind: "init",
    containers: spec?.initContainers ?? [],
    previous: previous.initContainerStatuses ?? [],
  }).map(withProbes);
  const ephemeral = containerStatuses({
    ...common,
    kind: "ephemeral",
    containers: spec?.ephemeralContainers ?? [],
    previous: previous.ephemeralContainerStatuses ?? [],
  });

  const statuses = [...init, ...main];
  const { phase, reason, message } = phaseWithReason(input, statuses);
  return {
    phase,
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
    conditions: conditionsOf(input, phase, statuses),
    ...ipsOf(input),
    startTime: previous.startTime ?? pod.status?.startTime ?? timestamp(input.now),
    qosClass: qosClassOf(pod),
    ...(pod.metadata?.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    ...(init.length > 0 && { initContainerStatuses: init }),
    containerStatuses: main,
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
  };
}

function applyProbes(status: ContainerStatus, { pod, probes }: PodStatusInput): ContainerStatus {
  const running = status.state?.running !== undefined;
  const id = status.containerID ?? "";
  const started = running && probes.isStarted(status.name, id);
  const init = (pod.spec?.initContainers ?? []).find(({ name }) => name === status.name);
  const ready =
    init !== undefined && !isSidecar(init)
      ? status.state?.terminated?.exitCode === 0
      : started && probes.isReady(status.name, id);
  return { ...status, ready, started };
}

function phaseWithReason(
  input: PodStatusInput,
  statuses: readonly ContainerStatus[],
): { readonly phase: Phase; readonly reason?: string | undefined; readonly message?: string | undefined } {
  const { pod, runtime, previous, ended } = input;
  // The API's terminal phase is final, and one reported before is not taken back.
  const known = [pod.status?.phase, previous.phase].find((phase) => isTerminalPhase(phase));
  if (isTerminalPhase(known)) {
    const from = pod.status?.phase === known ? pod.status : previous;
    return { phase: known, reason: previous.reason ?? from.reason, message: previous.message ?? from.message };
  }
  if (ended !== undefined) return { phase: "Failed", ...ended };
  const current = runtime.sandboxes.find(({ ready }) => ready);
  const initialized = (pod.spec?.containers ?? []).some(
    ({ name }) => current !== undefined && newestAttempt(runtime, name)?.sandboxId === current.id,
  );
  const phase = phaseOf({ pod, statuses, terminal: input.terminal, initialized, isStatic: input.isStatic });
  if (phase !== previous.phase) return { phase };
  return {
    phase,
    reason: previous.reason ?? pod.status?.reason,
    message: previous.message ?? pod.status?.message,
  };
}

function conditionsOf(
  input: PodStatusInput,
  phase: Phase,
  statuses: readonly ContainerStatus[],
): readonly PodCondition[] {
  const { pod, runtime, previous } = input;
  const known = [...(previous.conditions ?? []), ...(pod.status?.conditions ?? [])];
  const foreign = (pod.status?.conditions ?? []).filter(
    ({ type }) => !isKubeletCondition(type) && input.extraConditions?.some((extra) => extra.type === type) !== true,
  );
  const kept = (previous.conditions ?? []).filter(
    ({ type }) => type === "DisruptionTarget" && !foreign.some((condition) => condition.type === type),
  );
  const own = kubeletConditions({
    pod,
    phase,
    statuses,
    foreign,
    hasSandbox: sandboxNeed(pod, runtime).need === "none",
  });
  const dated = (draft: ConditionDraft): PodCondition => dateCondition(draft, known, pod, input.now);
  return [...foreign, ...kept, ...(input.extraConditions ?? []).map(dated), ...own.map(dated)];
}

/** The transition time is that of the last known condition with the same status. */
export function dateCondition(
  draft: ConditionDraft,
  known: readonly PodCondition[],
  pod: Pod,
  now: number,
): PodCondition {
  const before = known.find(({ type }) => type === draft.type);
  const since = before?.status === draft.status ? before.lastTransitionTime : undefined;
  return {
    ...draft,
    lastTransitionTime: since ?? timestamp(now),
    ...(pod.metadata?.generation !== undefined && { observedGeneration: pod.metadata.generation }),
  };
}

function ipsOf({
  pod,
  runtime,
  previous,
  hostIps,
}: PodStatusInput): Pick<PodStatus, "hostIP" | "hostIPs" | "podIP" | "podIPs"> {
  const newest = runtime.sandboxes[0];
  // A stopped sandbox has no addresses any more; those of a pod that is over stay on record.
  const seen = newest?.ready === true ? newest.ips : [];
  const ips = pod.spec?.hostNetwork === true && seen.length === 0 ? (previous.podIPs ?? []).map(({ ip }) => ip) : seen;
  const podIps = pod.spec?.hostNetwork === true && ips.length === 0 ? hostIps : ips;
  const known = podIps.length > 0 ? podIps : (previous.podIPs ?? []).map(({ ip }) => ip);
  const [hostIP] = hostIps;
  const [podIP] = known;
  return {
    ...(hostIP !== undefined && { hostIP, hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(podIP !== undefined && { podIP, podIPs: known.map((ip) => ({ ip })) }),
  };
}
