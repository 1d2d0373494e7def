import type { PersistentVolume, Pod } from "../../api/types.ts";

const ANNOTATION = "pv.beta.kubernetes.io/gid";

/** The group that owns a persistent volume's files, as its administrator wrote on it. */
export function volumeGroupOf(volume: PersistentVolume): number | undefined {
  const text = volume.metadata?.annotations?.[ANNOTATION] ?? "";
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** Groups a pod's processes get for its volumes, beside those it asks for itself; sorted. */
export function extraGroups(pod: Pod, ofVolumes: readonly number[]): readonly number[] {
  const own: readonly number[] = pod.spec?.securityContext?.supplementalGroups ?? [];
  return [...new Set(ofVolumes)].filter((group) => !own.includes(group)).toSorted((a, b) => a - b);
}
