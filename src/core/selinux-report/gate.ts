import type { Uncertainty } from "../selinux/uncertainty.ts";

/** Whether SELinuxMount may be turned on without a pod being stuck. */
export interface Gate {
  readonly safe: boolean;
  /** Why not; when safe, what was looked at. */
  readonly reasons: readonly string[];
}

export interface GateInput {
  readonly problems: readonly string[];
  /** ReadWriteOncePod volumes with a conflict: they are mounted with labels already. */
  readonly excludingNow: number;
  /** Volumes with a conflict once SELinuxMount is on. */
  readonly excludingLater: number;
  /** Pods on the latter that exclude each other, each counted once. */
  readonly excludedPods: number;
  readonly podVolumesWithSeveralLabels: number;
  /** Volumes for which SELinuxMount may change something, by what makes them uncertain. */
  readonly uncertainVolumes: ReadonlyMap<Uncertainty, number>;
}

/** Unsafe when anything conflicts once SELinuxMount is on, and when nobody can tell. */
export function gateOf(input: GateInput): Gate {
  const { problems, excludingNow, excludingLater, excludedPods, podVolumesWithSeveralLabels, uncertainVolumes } = input;
  const reasons = [
    ...problems,
    ...(excludingLater > 0
      ? [`${plural(excludingLater, "volume")} would be used by ${plural(excludedPods, "pod")} that exclude each other`]
      : []),
    ...(podVolumesWithSeveralLabels > 0
      ? [`${plural(podVolumesWithSeveralLabels, "pod volume")} is used with different labels inside one pod`]
      : []),
    ...UNCERTAINTIES.flatMap(([because, text]) => {
      const count = uncertainVolumes.get(because) ?? 0;
      return count === 0 ? [] : [`${plural(count, "volume")} ${text}`];
    }),
  ];
  if (reasons.length > 0) return { safe: false, reasons };
  return {
    safe: true,
    reasons: [
      excludingNow > 0
        ? `nothing changes with SELinuxMount; ${plural(excludingNow, "ReadWriteOncePod volume")} conflict already today`
        : "no two pods exclude each other on a volume",
    ],
  };
}

const UNCERTAINTIES: readonly (readonly [Uncertainty, string])[] = [
  ["no-level", "may be mounted with a label nobody knows: pods give a label without a level"],
  ["spelling", "may be kept from pods that write the same level differently"],
  ["context-option", "may be mounted with two contexts: the PersistentVolume has one among its mountOptions"],
];

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
