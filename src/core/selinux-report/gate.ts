import type { ReportedPod, ReportedVolume } from "./report.ts";

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
}

/** Unsafe when anything conflicts once SELinuxMount is on, and when not everything could be seen. */
export function gateOf({ problems, volumes, excludedPods, podsWithSeveralLabels }: GateInput): Gate {
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

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
