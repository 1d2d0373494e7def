import type { NodeCondition } from "../../api/types.ts";
import type { Pressure } from "./node-pressure.ts";

/** A condition before its times are known. */
interface Wanted {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  /** Reason of the event when the status changed. */
  readonly event: string;
}

export interface NodeConditions {
  /** The kubelet's own conditions, Ready last, as upstream orders them. */
  readonly conditions: readonly NodeCondition[];
  /** Reasons of Normal events: `Node <name> status is now: <reason>`. */
  readonly events: readonly string[];
}

/**
 * The conditions a kubelet reports.
 *
 * @param problems why the node is not ready; none: it is
 * @param now RFC 3339, for heartbeat and transition times
 */
export function nodeConditions(
  before: readonly NodeCondition[],
  pressure: Pressure,
  problems: readonly string[],
  now: string,
): NodeConditions {
  const events: string[] = [];
  const conditions = [...pressureConditions(pressure), readyCondition(problems)].map(({ event, ...wanted }) => {
    const old = before.find(({ type }) => type === wanted.type);
    const same = old?.status === wanted.status;
    // A node that was never ready before becomes ready without being told as a change, as upstream.
    if (!same && (old !== undefined || wanted.type !== "Ready")) events.push(event);
    return {
      ...wanted,
      lastHeartbeatTime: now,
      lastTransitionTime: same ? (old.lastTransitionTime ?? now) : now,
    };
  });
  return { conditions, events };
}

function pressureConditions({ memory, disk, pid }: Pressure): readonly Wanted[] {
  return [
    memory
      ? wanted(
          "MemoryPressure",
          "True",
          "KubeletHasInsufficientMemory",
          "kubelet has insufficient memory available",
          "NodeHasInsufficientMemory",
        )
      : wanted(
          "MemoryPressure",
          "False",
          "KubeletHasSufficientMemory",
          "kubelet has sufficient memory available",
          "NodeHasSufficientMemory",
        ),
    disk
      ? wanted("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure", "NodeHasDiskPressure")
      : wanted(
          "DiskPressure",
          "False",
          "KubeletHasNoDiskPressure",
          "kubelet has no disk pressure",
          "NodeHasNoDiskPressure",
        ),
    pid
      ? wanted(
          "PIDPressure",
          "True",
          "KubeletHasInsufficientPID",
          "kubelet has insufficient PID available",
          "NodeHasInsufficientPID",
        )
      : wanted(
          "PIDPressure",
          "False",
          "KubeletHasSufficientPID",
          "kubelet has sufficient PID available",
          "NodeHasSufficientPID",
        ),
  ];
}

function readyCondition(problems: readonly string[]): Wanted {
  if (problems.length === 0)
    return wanted("Ready", "True", "KubeletReady", "kubelet is posting ready status", "NodeReady");
  const message = problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`;
  return wanted("Ready", "False", "KubeletNotReady", message, "NodeNotReady");
}

function wanted(type: string, status: Wanted["status"], reason: string, message: string, event: string): Wanted {
  return { type, status, reason, message, event };
}

/** Whether anything but the heartbeat differs. */
export function conditionsChanged(before: readonly NodeCondition[], after: readonly NodeCondition[]): boolean {
  return after.some((condition) => {
    const old = before.find(({ type }) => type === condition.type);
    return (
      old?.status !== condition.status ||
      old.reason !== condition.reason ||
      old.message !== condition.message ||
      old.lastTransitionTime !== condition.lastTransitionTime
    );
  });
}
