import { gateOf } from "./gate.ts";
import type { ConflictReport } from "./report.ts";

/** Only what pods of one namespace take part in; the totals of what was looked at stay those of all. */
export function narrowReport(report: ConflictReport, namespace: string): ConflictReport {
  const volumes = report.volumes.filter(({ workloads }) => workloads.some((one) => one.namespace === namespace));
  const inside = report.podsWithSeveralLabels.filter(({ workload }) => workload.namespace === namespace);
  const sum = (of: (volume: ConflictReport["volumes"][number]) => number): number =>
    volumes.reduce((total, volume) => total + of(volume), 0);
  return {
    ...report,
    gate: gateOf({ problems: report.problems, volumes, podsWithSeveralLabels: inside }),
    totals: {
      ...report.totals,
      volumes: volumes.length,
      pods: sum(({ conflictingPods }) => conflictingPods),
      pairs: {
        SELinuxLabel: sum(({ pairs }) => pairs.SELinuxLabel),
        SELinuxChangePolicy: sum(({ pairs }) => pairs.SELinuxChangePolicy),
      },
      podsWithSeveralLabels: new Set(inside.map(({ pod }) => pod)).size,
    },
    volumes,
    podsWithSeveralLabels: inside,
  };
}
