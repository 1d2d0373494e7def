import { secondsText } from "../../api/rfc3339.ts";
import type { Lease, Node, NodeCondition } from "../../api/types.ts";

/** Signs of life of a node, and when by our own clock the last new one was seen. */
export interface NodeHealth {
  readonly heartbeat: string;
  readonly renewal: string;
  readonly hasReady: boolean;
  /** Milliseconds since the epoch. */
  readonly seenAlive: number;
}

export interface HealthOptions {
  /** Without a new sign for so long a node counts as unreachable. */
  readonly graceMs: number;
  /** The same for a node that never posted a status, since its creation. */
  readonly startupGraceMs: number;
}

/** Takes in what node and Lease say now. Their own times only tell that something is new, as their clocks may differ. */
export function observeHealth(
  before: NodeHealth | undefined,
  node: Node,
  lease: Lease | undefined,
  now: number,
): NodeHealth {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  const heartbeat = ready?.lastHeartbeatTime ?? "";
  const renewal = lease?.spec?.renewTime ?? "";
  const hasReady = ready !== undefined;
  const created = Date.parse(node.metadata?.creationTimestamp ?? "");
  const first = hasReady || Number.isNaN(created) ? now : Math.min(created, now);
  if (before === undefined) return { heartbeat, renewal, hasReady, seenAlive: renewal === "" ? first : now };
  const isNew =
    before.hasReady !== hasReady || (hasReady && before.heartbeat !== heartbeat) || before.renewal < renewal;
  return { heartbeat, renewal, hasReady, seenAlive: isNew ? now : before.seenAlive };
}

/** When, in milliseconds since the epoch, the node will count as unreachable unless it gives a new sign. */
export function unreachableAt(health: NodeHealth, options: HealthOptions): number {
  return health.seenAlive + (health.hasReady ? options.graceMs : options.startupGraceMs);
}

const REPORTED_BY_KUBELET = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] as const;

/** The conditions of a node that gave no sign of life for too long; undefined when it has them. */
export function unknownConditions(node: Node, now: number): readonly NodeCondition[] | undefined {
  const lastTransitionTime = secondsText(now);
  const changed = REPORTED_BY_KUBELET.flatMap((type): readonly NodeCondition[] => {
    const old = node.status?.conditions?.find((condition) => condition.type === type);
    if (old?.status === "Unknown") return [];
    if (old !== undefined) {
      const why = { reason: "NodeStatusUnknown", message: "Kubelet stopped posting node status." };
      return [{ ...old, ...why, status: "Unknown", lastTransitionTime }];
    }
    const why = { reason: "NodeStatusNeverUpdated", message: "Kubelet never posted node status." };
    const created = node.metadata?.creationTimestamp;
    return [
      {
        type,
        status: "Unknown",
        ...why,
        lastTransitionTime,
        ...(created !== undefined && { lastHeartbeatTime: created }),
      },
    ];
  });
  return changed.length === 0 ? undefined : changed;
}

/** How fast nodes of a zone may be tainted so that pods leave them. */
export type EvictionPace = { readonly nodesPerSecond: number } | "stopped";

export interface ZoneCounts {
  readonly ready: number;
  readonly notReady: number;
}

const NORMAL_PACE = 0.1;
const SLOW_PACE = 0.01;
const UNHEALTHY_SHARE = 0.55;
const LARGE_ZONE = 50;

/**
 * When all nodes everywhere look dead it is rather the observer that is cut off: nothing is evicted. A zone of which most
 * nodes look dead is evicted slowly, and not at all when it is small.
 */
export function evictionPace(zone: ZoneCounts, everywhere: ZoneCounts): EvictionPace {
  if (everywhere.ready === 0) return "stopped";
  const size = zone.ready + zone.notReady;
  const mostlyDead = zone.ready > 0 && zone.notReady > 2 && zone.notReady / size >= UNHEALTHY_SHARE;
  if (!mostlyDead) return { nodesPerSecond: NORMAL_PACE };
  return size > LARGE_ZONE ? { nodesPerSecond: SLOW_PACE } : "stopped";
}
