import { secondsText } from "../../api/rfc3339.ts";
import type { Node, Taint } from "../../api/types.ts";

const NOT_READY = "node.kubernetes.io/not-ready";
const UNREACHABLE = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE = "node.kubernetes.io/unschedulable";

/** Condition and status that keep new pods away, and the taint that does it. */
const CONDITION_TAINTS: readonly (readonly [type: string, status: string, key: string])[] = [
  ["Ready", "False", NOT_READY],
  ["Ready", "Unknown", UNREACHABLE],
  ["MemoryPressure", "True", "node.kubernetes.io/memory-pressure"],
  ["DiskPressure", "True", "node.kubernetes.io/disk-pressure"],
  ["NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"],
  ["PIDPressure", "True", "node.kubernetes.io/pid-pressure"],
];
const MANAGED_KEYS: ReadonlySet<string> = new Set([UNSCHEDULABLE, ...CONDITION_TAINTS.map(([, , key]) => key)]);

/** Status of the Ready condition; undefined when the kubelet has not posted any. */
export function readyStatus(node: Node): string | undefined {
  return node.status?.conditions?.find(({ type }) => type === "Ready")?.status;
}

/**
 * The taints a node should have for its conditions and cordon (effect NoSchedule); all others stay.
 *
 * @returns undefined when it has them
 */
export function withConditionTaints(node: Node, now: number): readonly Taint[] | undefined {
  const wanted = CONDITION_TAINTS.filter(([type, status]) =>
    (node.status?.conditions ?? []).some((condition) => condition.type === type && condition.status === status),
  ).map(([, , key]) => key);
  if (node.spec?.unschedulable === true) wanted.push(UNSCHEDULABLE);
  return replaced(node, now, "NoSchedule", MANAGED_KEYS, wanted);
}

/**
 * The taints a node should have so that its pods leave it (effect NoExecute): one for not ready or for unreachable.
 *
 * @returns undefined when it has them
 */
export function withExecutionTaints(node: Node, evict: boolean, now: number): readonly Taint[] | undefined {
  const status = readyStatus(node);
  const wanted =
    !evict || status === undefined || status === "True" ? [] : [status === "False" ? NOT_READY : UNREACHABLE];
  return replaced(node, now, "NoExecute", new Set([NOT_READY, UNREACHABLE]), wanted);
}

function replaced(
  node: Node,
  now: number,
  effect: "NoSchedule" | "NoExecute",
  managed: ReadonlySet<string>,
  wanted: readonly string[],
): readonly Taint[] | undefined {
  const taints = node.spec?.taints ?? [];
  const isManaged = (taint: Taint): boolean => taint.effect === effect && managed.has(taint.key);
  const have = new Set(taints.filter(isManaged).map(({ key }) => key));
  const missing = wanted.filter((key) => !have.has(key));
  if (missing.length === 0 && have.size === wanted.length) return undefined;
  return [
    ...taints.filter((taint) => !isManaged(taint) || wanted.includes(taint.key)),
    ...missing.map((key) => ({ key, effect, timeAdded: secondsText(now) })),
  ];
}
