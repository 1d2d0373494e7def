import type { PodCondition, PodStatus } from "../../api/types.ts";
import { isKubeletCondition } from "./conditions.ts";

/** Fields of the status that the kubelet alone writes. */
const OWNED = [
  "phase",
  "reason",
  "message",
  "hostIP",
  "podIP",
  "startTime",
  "qosClass",
  "observedGeneration",
  "initContainerStatuses",
  "containerStatuses",
  "ephemeralContainerStatuses",
] as const satisfies readonly (keyof PodStatus)[];

/**
 * The strategic merge patch that turns what the API server has into what the kubelet knows, leaving alone what others
 * write. undefined when there is nothing to say.
 */
export function statusPatch(known: PodStatus, wanted: PodStatus): Readonly<Record<string, unknown>> | undefined {
  const patch: Record<string, unknown> = {};
  for (const field of OWNED) {
    if (!sameJson(known[field], wanted[field])) patch[field] = wanted[field] ?? null;
  }
  for (const field of ["hostIPs", "podIPs"] as const) {
    // Lists of addresses are merged by address; the old ones must go.
    if (!sameJson(known[field], wanted[field])) patch[field] = [...(wanted[field] ?? []), { $patch: "replace" }];
  }
  const conditions = (wanted.conditions ?? [])
    .filter((condition) => isOurs(condition) && !sameJson(find(known, condition.type), condition))
    // Merged by type: what is no longer said has to be taken back.
    .map((condition) => ({ ...takenBack(find(known, condition.type), condition), ...condition }));
  if (conditions.length > 0) patch["conditions"] = conditions;
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function isOurs({ type }: PodCondition): boolean {
  return isKubeletCondition(type) || type === "DisruptionTarget";
}

function find(status: PodStatus, type: string): PodCondition | undefined {
  return status.conditions?.find((condition) => condition.type === type);
}

function takenBack(before: PodCondition | undefined, now: PodCondition): Readonly<Record<string, null>> {
  const gone = (["reason", "message"] as const).filter(
    (field) => before?.[field] !== undefined && now[field] === undefined,
  );
  return Object.fromEntries(gone.map((field) => [field, null]));
}

/** Whether the difference is one that people or controllers wait for. */
export function isUrgent(known: PodStatus, wanted: PodStatus): boolean {
  return (
    (known.phase ?? "Pending") !== wanted.phase ||
    (find(known, "Ready")?.status ?? "False") !== (find(wanted, "Ready")?.status ?? "False")
  );
}

/** Equal as JSON values; null and absent are the same. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === undefined || a === null || b === undefined || b === null) return (a ?? null) === (b ?? null);
  if (typeof a !== "object" || typeof b !== "object") return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => sameJson(item, b[index]))
    );
  }
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => sameJson(Reflect.get(a, key), Reflect.get(b, key)));
}
