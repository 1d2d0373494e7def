import type { Uncertainty } from "../selinux/uncertainty.ts";
import type { ReportedPod, ReportedVolume } from "./report.ts";
import type { ReportedUncertainVolume } from "./uncertain-volumes.ts";

/** Whether SELinuxMount may be turned on without a pod being stuck. */
export interface Gate {
  readonly safe: boolean;
  /** Why not; when safe, what was looked at. */
  readonly reasons: readonly string[];
}

export interface GateInput {
  readonly problems: readonly string[];
  readonly volumes: readonly ReportedVolume[];
  /** Pods that will exclude each other once SELinuxMount is on, each counted once. */
  readonly excludedPods: number;
  readonly podsWithSeveralLabels: readonly ReportedPod[];
  readonly uncertainVolumes: readonly ReportedUncertainVolume[];
}

/** Unsafe when anything conflicts once SELinuxMount is on, and when nobody can tell. */
export function gateOf(input: GateInput): Gate {
  const { problems, volumes, excludedPods, podsWithSeveralLabels, uncertainVolumes } = input;
  const later = volumes.filter(({ from }) => from === "SELinuxMount").length;
  const now = volumes.length - later;
  const reasons = [
    ...problems,
    ...(later > 0
      ? [`${plural(later, "volume")} would be used by ${plural(excludedPods, "pod")} that exclude each other`]
      : []),
    ...(podsWithSeveralLabels.length > 0
      ? [`${plural(podsWithSeveralLabels.length, "pod volume")} is used with different labels inside one pod`]
      : []),
    ...UNCERTAINTIES.flatMap(([because, text]) => {
      const count = uncertainVolumes.filter(
        (volume) => volume.because === because && volume.from === "SELinuxMount",
      ).length;
      return count === 0 ? [] : [`${plural(count, "volume")} ${text}`];
    }),
  ];
  if (reasons.length > 0) return { safe: false, reasons };
  return {
    safe: true,
    reasons: [
      now > 0
        ? `nothing changes with SELinuxMount; ${plural(now, "ReadWriteOncePod volume")} conflict already today`
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
