import type { ConflictReport } from "../../core/selinux-report/report.ts";
import type { ReportedVolume, ReportedWorkload } from "../../core/selinux-report/reported-volume.ts";

const MOST_NAMES = 3;

/** The report for people: one block of lines for each volume, one line for each workload in the conflict. */
export function conflictTable(report: ConflictReport, wide: boolean): string {
  const header = ["CLAIM", "FROM", "WORKLOAD", "PODS", "POLICY", "LABEL"];
  const wideHeader = [...header, "WHY", "VOLUME", "EXAMPLES"];
  const rows = report.volumes.flatMap((volume) =>
    volume.workloads.map((workload, index) => row(volume, workload, index === 0, wide)),
  );
  const lines = rows.length === 0 ? [] : aligned([wide ? wideHeader : header, ...rows]);
  const advice = wide ? report.volumes.map(({ claims, volume, advice }) => `${claims[0] ?? volume}: ${advice}`) : [];
  const inside = report.podsWithSeveralLabels.map(
    ({ pod, podVolume, labels }) =>
      `${pod}: containers need different labels on volume ${podVolume} (${labels.join(", ")}): give them one level`,
  );
  const uncertain = report.uncertainVolumes.map(
    ({ claims, volume, workloads, text, advice }) =>
      `${claims[0] ?? volume} (${shortened(workloads)}): ${text}${wide ? `; ${advice}` : ""}`,
  );
  return [
    ...lines,
    ...section(inside),
    ...section(uncertain),
    ...section(advice),
    ...section([summary(report), ...report.problems.map((text) => `incomplete: ${text}`)]),
  ]
    .map((line) => `${line}\n`)
    .join("")
    .replace(/^\n/, "");
}

function row(volume: ReportedVolume, workload: ReportedWorkload, first: boolean, wide: boolean): readonly string[] {
  const { claims, from, volume: name } = volume;
  const { namespace, kind, pods, policy, label, because = "", examples } = workload;
  const more = claims.length > 1 ? ` +${claims.length - 1}` : "";
  const cells = [
    first ? `${claims[0] ?? name}${more}` : "",
    first ? from : "",
    `${namespace}/${kind}/${workload.name}`,
    String(pods),
    policy,
    label === "" ? "<none>" : label,
  ];
  return wide ? [...cells, because === "" ? "<level>" : because, first ? name : "", examples.join(",")] : cells;
}

function summary({ totals, gate, complete }: ConflictReport): string {
  const { volumes, pods, pairs, uncertainVolumes, indexedPods, indexedVolumes } = totals;
  const found =
    volumes === 0
      ? "no conflicts"
      : `${counted(pods, "pod")} in conflict on ${counted(volumes, "volume")} (${counted(pairs.SELinuxLabel, "pair")} by label, ${pairs.SELinuxChangePolicy} by policy)`;
  const uncertain = uncertainVolumes === 0 ? "" : `, ${counted(uncertainVolumes, "volume")} uncertain`;
  const seen = `${counted(indexedPods, "pod")} on ${counted(indexedVolumes, "volume")} looked at${complete ? "" : ", not all could be read"}`;
  return `${found}${uncertain}; ${seen}. Safe to turn SELinuxMount on: ${gate.safe ? "yes" : "no"}`;
}

function shortened(names: readonly string[]): string {
  return names.slice(0, MOST_NAMES).join(", ") + (names.length > MOST_NAMES ? ", …" : "");
}

function section(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", ...lines];
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("   ")
      .trimEnd(),
  );
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
