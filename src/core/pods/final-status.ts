import { isSidecar, isTerminalPhase } from "../../api/pod.ts";
import type { ContainerStatus, Pod, PodStatus } from "../../api/types.ts";
import { overCondition } from "./conditions.ts";
import { LOST_MESSAGE } from "./container-statuses.ts";
import { dateCondition } from "./pod-status.ts";

/**
 * The last status of a pod of which nothing is left: a container whose end nobody saw counts as failed, and the phase is
 * a final one.
 */
export function finalStatus(pod: Pod, status: PodStatus, isStatic: boolean, now: number): PodStatus {
  const containers = status.containerStatuses ?? [];
  const init = status.initContainerStatuses ?? [];
  const lastStarted = init.findLastIndex(
    ({ state, lastState }) => state?.waiting === undefined || lastState?.terminated !== undefined,
  );
  const phase = isStatic || isTerminalPhase(status.phase) ? status.phase : "Failed";
  const over = isTerminalPhase(phase) ? [overCondition("Ready", phase), overCondition("ContainersReady", phase)] : [];
  const conditions = (status.conditions ?? []).map((condition) => {
    const draft = over.find(({ type }) => type === condition.type);
    if (draft === undefined || condition.status !== "True") return condition;
    return dateCondition(draft, [condition], pod, now);
  });
  return {
    ...status,
    ...(phase !== undefined && { phase }),
    conditions,
    ...(containers.length > 0 && {
      containerStatuses: hasInitialized(pod, status) ? containers.map(withEnd) : containers,
    }),
    ...(init.length > 0 && {
      // Init containers behind the last that was started never ran.
      initContainerStatuses: init.map((container, index) =>
        index <= Math.max(0, lastStarted) ? withEnd(container) : container,
      ),
    }),
  };
}

function withEnd(container: ContainerStatus): ContainerStatus {
  if (container.state?.terminated !== undefined) return container;
  const terminated = { reason: "ContainerStatusUnknown", message: LOST_MESSAGE, exitCode: 137 };
  return { ...container, ready: false, started: false, state: { terminated } };
}

function hasInitialized(pod: Pod, status: PodStatus): boolean {
  const initContainers = pod.spec?.initContainers ?? [];
  if (initContainers.length === 0) return true;
  const moved = (status.containerStatuses ?? []).some(
    ({ state, lastState }) => lastState?.terminated !== undefined || state?.waiting === undefined,
  );
  if (moved) return true;
  const last = initContainers.at(-1);
  const lastStatus = (status.initContainerStatuses ?? []).find(({ name }) => name === last?.name);
  if (last === undefined || lastStatus === undefined) return false;
  if (isSidecar(last)) return lastStatus.state?.running !== undefined && lastStatus.started === true;
  return lastStatus.state?.terminated?.exitCode === 0 || lastStatus.lastState?.terminated?.exitCode === 0;
}
