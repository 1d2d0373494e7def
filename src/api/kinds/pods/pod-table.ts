import { humanDuration } from "../../../lib/human-duration.ts";
import type { ContainerState, ContainerStatus, Pod } from "../../types.ts";
import type { KindTable } from "../definition.ts";
import { AGE, NAME, ageOf, column, wideColumn } from "../table.ts";

interface Summary {
  readonly ready: number;
  readonly restarts: number;
  readonly lastRestart: number;
  readonly reason: string;
}

function lastRestartOf(statuses: readonly ContainerStatus[]): number {
  const times = statuses.map((status) => Date.parse(status.lastState?.terminated?.finishedAt ?? ""));
  return Math.max(0, ...times.filter((time) => !Number.isNaN(time)));
}

function restartsOf(statuses: readonly ContainerStatus[]): number {
  return statuses.reduce((sum, status) => sum + status.restartCount, 0);
}

function endReason(terminated: NonNullable<ContainerState["terminated"]>): string {
  if (terminated.reason !== undefined && terminated.reason !== "") return terminated.reason;
  const { signal } = terminated;
  return signal !== undefined && signal !== 0 ? `Signal:${signal}` : `ExitCode:${terminated.exitCode}`;
}

function isCondition(pod: Pod, type: string): boolean {
  return pod.status?.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
}

/** What holds up initialization, if anything does. */
function initializing(pod: Pod, sidecars: ReadonlySet<string>): string | undefined {
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const { terminated, waiting } = status.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecars.has(status.name) && status.started === true) continue;
    if (terminated !== undefined) return `Init:${endReason(terminated)}`;
    const why = waiting?.reason ?? "";
    if (why !== "" && why !== "PodInitializing") return `Init:${why}`;
    return `Init:${index}/${pod.spec?.initContainers?.length ?? 0}`;
  }
  return undefined;
}

/** Containers are looked at from the last to the first: the first one has the last word. */
function runningReason(pod: Pod, phase: string): { readonly reason: string; readonly ready: number } {
  let reason = phase;
  let failure = "";
  let ready = 0;
  let isAnyRunning = false;
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    const { terminated, waiting, running } = status.state ?? {};
    if (waiting?.reason !== undefined && waiting.reason !== "") reason = waiting.reason;
    else if (terminated !== undefined) {
      reason = endReason(terminated);
      if (terminated.exitCode !== 0) failure = reason;
    } else if (status.ready && running !== undefined) {
      isAnyRunning = true;
      ready += 1;
    }
  }
  if (reason === "Completed") {
    if (isAnyRunning && isCondition(pod, "Ready")) reason = "Running";
    else if (failure !== "") reason = failure;
    else if (isAnyRunning) reason = "NotReady";
  }
  return { reason, ready };
}

function phaseReason(pod: Pod): string {
  const isGated = pod.status?.conditions?.some(
    (condition) => condition.type === "PodScheduled" && condition.reason === "SchedulingGated",
  );
  if (isGated === true) return "SchedulingGated";
  return pod.status?.reason || (pod.status?.phase ?? "");
}

function deletionReason(pod: Pod): string | undefined {
  if (pod.metadata?.deletionTimestamp === undefined) return undefined;
  if (pod.status?.reason === "NodeLost") return "Unknown";
  const phase = pod.status?.phase;
  return phase === "Failed" || phase === "Succeeded" ? undefined : "Terminating";
}

function summarize(pod: Pod): Summary {
  const sidecars = new Set(
    (pod.spec?.initContainers ?? [])
      .filter((container) => container.restartPolicy === "Always")
      .map((container) => container.name),
  );
  const initStatuses = pod.status?.initContainerStatuses ?? [];
  const heldUp = initializing(pod, sidecars);
  const heldUpAt = initStatuses.findIndex(
    (status) => status.state?.terminated?.exitCode !== 0 && !(sidecars.has(status.name) && status.started === true),
  );
  const seen = heldUpAt === -1 ? initStatuses : initStatuses.slice(0, heldUpAt + 1);
  const sidecarStatuses = seen.filter((status) => sidecars.has(status.name));
  const sidecarsReady = sidecarStatuses.filter(
    (status) => status.state?.terminated?.exitCode !== 0 && status.started === true && status.ready,
  ).length;
  const deletion = deletionReason(pod);
  if (heldUp !== undefined && !isCondition(pod, "Initialized")) {
    return {
      ready: sidecarsReady,
      restarts: restartsOf(seen),
      lastRestart: lastRestartOf(seen),
      reason: deletion ?? heldUp,
    };
  }
  const counted = [...sidecarStatuses, ...(pod.status?.containerStatuses ?? [])];
  const { reason, ready } = runningReason(pod, heldUp ?? phaseReason(pod));
  return {
    ready: sidecarsReady + ready,
    restarts: restartsOf(counted),
    lastRestart: lastRestartOf(counted),
    reason: deletion ?? reason,
  };
}

function containerCount(pod: Pod): number {
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === "Always").length;
  return (pod.spec?.containers.length ?? 0) + sidecars;
}

function readinessGatesText(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  return `${gates.filter((gate) => isCondition(pod, gate.conditionType)).length}/${gates.length}`;
}

export const podTable: KindTable = {
  columns: [
    NAME,
    column("Ready"),
    column("Status"),
    column("Restarts"),
    AGE,
    wideColumn("IP"),
    wideColumn("Node"),
    wideColumn("Nominated Node"),
    wideColumn("Readiness Gates"),
  ],
  cells: (object, now) => {
    const pod = object as Pod;
    const { ready, restarts, lastRestart, reason } = summarize(pod);
    const ago = restarts !== 0 && lastRestart !== 0 ? ` (${humanDuration(now - lastRestart)} ago)` : "";
    return [
      pod.metadata?.name ?? "",
      `${ready}/${containerCount(pod)}`,
      reason,
      `${restarts}${ago}`,
      ageOf(object, now),
      pod.status?.podIPs?.[0]?.ip || "<none>",
      pod.spec?.nodeName || "<none>",
      pod.status?.nominatedNodeName || "<none>",
      readinessGatesText(pod),
    ];
  },
};
