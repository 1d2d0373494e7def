import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/types.ts";
import { snapshotOf } from "./cluster-snapshot.ts";
import { reportConfigMap } from "./published-report.ts";
import { buildReport, type ConflictReport } from "./report.ts";

const WHERE = { namespace: "kube-system", name: "report" };

/** A volume each, with as many pods of their own as levels and types. */
function reportOn(volumes: number, options: readonly { readonly level?: string; readonly type?: string }[]) {
  const numbers = Array.from({ length: volumes }, (_, number) => number);
  const snapshot = snapshotOf({
    drivers: [{ metadata: { name: "d" }, spec: { seLinuxMount: true } }],
    claims: numbers.map((n) => ({ metadata: { namespace: "ns", name: `c-${n}` }, spec: { volumeName: `pv-${n}` } })),
    persistentVolumes: numbers.map((n) => ({
      metadata: { name: `pv-${n}` },
      spec: { accessModes: ["ReadWriteMany"], csi: { driver: "d", volumeHandle: `h-${n}` } },
    })),
    pods: numbers.flatMap((n) =>
      options.map((seLinuxOptions, position): Pod => {
        const name = `p-${n}-${position}`;
        return {
          metadata: { namespace: "ns", name, uid: name },
          spec: {
            securityContext: { seLinuxOptions },
            containers: [{ name: "c", volumeMounts: [{ name: "v", mountPath: "/v" }] }],
            volumes: [{ name: "v", persistentVolumeClaim: { claimName: `c-${n}` } }],
          },
        };
      }),
    ),
  });
  return buildReport({ ...snapshot, problems: [] });
}

const whole = (report: ConflictReport): unknown =>
  JSON.parse(reportConfigMap(report, WHERE).data?.["report.json"] ?? "");

describe("reportConfigMap()", () => {
  it("says what scripts ask for, and keeps the whole", () => {
    const report = reportOn(1, [{ level: "s0:c1" }, { level: "s0:c2" }]);
    expect(reportConfigMap(report, WHERE).data).toMatchObject({
      safe: "false",
      complete: "true",
      conflictsPresent: "true",
      reasons: "1 volume would be used by 2 pods that exclude each other",
    });
    expect(whole(report)).toEqual(report);
    expect(report.totals.uncertainVolumes).toBe(0);
    const none = reportOn(1, [{ level: "s0:c1" }]);
    expect(reportConfigMap(none, WHERE).data).toMatchObject({ safe: "true", conflictsPresent: "false" });
    expect(reportConfigMap({ ...none, complete: false }, WHERE).data).toMatchObject({ conflictsPresent: "unknown" });
  });

  it.each([
    ["conflicts", [{ level: "s0:c1" }, { level: "s0:c2" }], "volumes"],
    ["doubts", [{ type: "spc_t" }], "uncertainVolumes"],
  ] as const)("fits into an object however many %s there are, and counts the rest", (_, options, list) => {
    const report = reportOn(3_000, options);
    const { data } = reportConfigMap(report, WHERE);
    expect(JSON.stringify(data).length).toBeLessThan(1_000_000);
    const published = whole(report) as Readonly<Record<string, unknown>>;
    const shown = published[list] as readonly unknown[];
    expect(shown.length).toBeGreaterThan(100);
    expect(published[`${list}LeftOut`]).toBe(3_000 - shown.length);
  });
});
