import { isTerminalPhase } from "../../api/pod.ts";
import type { Pod } from "../../api/types.ts";
import { isKubeletCondition } from "./conditions.ts";
import { sameJson } from "./status-patch.ts";

/** Whether an update of a pod's object says more than the kubelet's own status coming back. */
export function isNews(before: Pod, after: Pod): boolean {
  return !sameJson(essence(before), essence(after));
}

function essence({ metadata, spec, status }: Pod): unknown {
  const { labels, annotations, deletionTimestamp, deletionGracePeriodSeconds, uid } = metadata ?? {};
  const conditions = (status?.conditions ?? []).filter(({ type }) => !isKubeletCondition(type));
  // Whoever else ends a pod does it by its phase.
  const { phase, reason } = status ?? {};
  const ended = isTerminalPhase(phase) ? { phase, reason } : {};
  return { labels, annotations, deletionTimestamp, deletionGracePeriodSeconds, uid, spec, conditions, ended };
}
