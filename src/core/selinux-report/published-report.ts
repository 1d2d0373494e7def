import type { ConfigMap, CoreEvent } from "../../api/types.ts";
import type { ConflictReport } from "./report.ts";

/** Annotation and data keys are the interface for scripts: `kubectl get configmap … -o jsonpath='{.data.safe}'`. */
export interface PublishedName {
  readonly namespace: string;
  readonly name: string;
}

/** An object holds about a MiB; what does not fit is counted. */
const MOST_TEXT = 700_000;

/** The report as a ConfigMap: `safe`, `conflictsPresent`, `complete`, `reasons` and the whole as `report.json`. */
export function reportConfigMap(report: ConflictReport, { namespace, name }: PublishedName): ConfigMap {
  let { volumes, uncertainVolumes, podsWithSeveralLabels } = report;
  const textOf = (): string => {
    const leftOut = {
      volumesLeftOut: report.totals.volumes - volumes.length,
      uncertainVolumesLeftOut: report.totals.uncertainVolumes - uncertainVolumes.length,
      podsWithSeveralLabelsLeftOut: report.podsWithSeveralLabels.length - podsWithSeveralLabels.length,
    };
    const isWhole = Object.values(leftOut).every((count) => count === 0);
    const shown = { ...report, volumes, uncertainVolumes, podsWithSeveralLabels };
    return JSON.stringify(isWhole ? shown : { ...shown, ...leftOut }, undefined, 1);
  };
  let text = textOf();
  while (text.length > MOST_TEXT && volumes.length + uncertainVolumes.length + podsWithSeveralLabels.length > 0) {
    volumes = firstHalf(volumes);
    uncertainVolumes = firstHalf(uncertainVolumes);
    podsWithSeveralLabels = firstHalf(podsWithSeveralLabels);
    text = textOf();
  }
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace, name, labels: { "app.kubernetes.io/managed-by": "orlop" } },
    data: {
      safe: String(report.gate.safe),
      complete: String(report.complete),
      conflictsPresent: conflictsPresent(report),
      reasons: report.gate.reasons.join("\n"),
      "report.json": text,
    },
  };
}

/** Nothing found in a part of the cluster is no "false". */
function conflictsPresent({ totals, complete }: ConflictReport): "true" | "false" | "unknown" {
  if (totals.volumes > 0 || totals.podsWithSeveralLabels > 0) return "true";
  return complete ? "false" : "unknown";
}

function firstHalf<T>(list: readonly T[]): readonly T[] {
  return list.slice(0, Math.floor(list.length / 2));
}

/** The verdict as an event on that ConfigMap. @param at RFC 3339 */
export function reportEvent(report: ConflictReport, { namespace, name }: PublishedName, at: string): CoreEvent {
  const { safe, reasons } = report.gate;
  const verdict = safe ? "It is safe to turn SELinuxMount on" : "It is not safe to turn SELinuxMount on";
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { namespace, name: `${name}.${safe ? "safe" : "unsafe"}` },
    involvedObject: { apiVersion: "v1", kind: "ConfigMap", namespace, name },
    type: safe ? "Normal" : "Warning",
    reason: safe ? "SELinuxMountSafe" : "SELinuxMountUnsafe",
    message: `${verdict}: ${reasons.join("; ")}`.slice(0, 1_000),
    count: 1,
    firstTimestamp: at,
    lastTimestamp: at,
    source: { component: "selinux_warning" },
    reportingComponent: "selinux_warning",
    reportingInstance: "",
  };
}
