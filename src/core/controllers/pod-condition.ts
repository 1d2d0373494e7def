import { podCondition } from "../../api/pod.ts";
import { secondsText } from "../../api/rfc3339.ts";
import type { Pod } from "../../api/types.ts";

export interface WantedCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
}

/**
 * A strategic merge patch of the status subresource that sets one condition, bound to the pod's UID.
 *
 * @returns undefined when the pod says so already
 */
export function podConditionPatch(pod: Pod, wanted: WantedCondition, now: number): PodStatusPatch | undefined {
  const old = podCondition(pod, wanted.type);
  if (old?.status === wanted.status && old.reason === wanted.reason && old.message === wanted.message) return undefined;
  const { uid, generation } = pod.metadata ?? {};
  const since = old?.status === wanted.status ? old.lastTransitionTime : undefined;
  return {
    metadata: { ...(uid !== undefined && { uid }) },
    status: {
      conditions: [
        {
          ...wanted,
          lastTransitionTime: since ?? secondsText(now),
          ...(generation !== undefined && { observedGeneration: generation }),
        },
      ],
    },
  };
}

export interface PodStatusPatch {
  readonly metadata: { readonly uid?: string };
  readonly status: Readonly<Record<string, unknown>>;
}
