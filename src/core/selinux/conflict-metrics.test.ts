import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createConflictIndex, type ConflictIndex } from "./conflict-index.ts";
import type { VolumeUse } from "./volume-use.ts";
import { conflictMetrics, type ConflictMetricsInput } from "./conflict-metrics.ts";
import { conflictsBetween, effectiveLabelling, propertyValue } from "./conflict-rule.ts";
import { fileLabelText, type LabelDefaults, processLabelText } from "./label-defaults.ts";

const DEFAULTS: LabelDefaults = {
  process: { user: "system_u", role: "system_r", type: "container_t", level: "s0" },
  file: { user: "system_u", role: "object_r", type: "container_file_t", level: "s0" },
};
const PAIR = "selinux_warning_controller_selinux_volume_conflict{";

function labelled(volume: string, level: string, more: Partial<VolumeUse["label"]> = {}): VolumeUse {
  return {
    volume,
    plugin: "kubernetes.io/csi/d",
    persistentVolume: `pv-${volume}`,
    claim: { namespace: "ns", name: `claim-${volume}` },
    policy: "MountOption",
    label: { user: "", role: "", type: "", ...more, level },
  };
}

function indexOf(pods: Readonly<Record<string, readonly VolumeUse[]>>): ConflictIndex {
  const index = createConflictIndex();
  index.setPluginSupport("kubernetes.io/csi/d", true);
  for (const [name, uses] of Object.entries(pods)) index.setPod({ uid: `uid-${name}`, namespace: "ns", name }, uses);
  return index;
}

function text(index: ConflictIndex, options: Partial<ConflictMetricsInput> = {}): string {
  return [
    ...conflictMetrics({ index, seriesLimit: 10_000, podsWithSeveralLabels: 0, unreadable: [], ...options }),
  ].join("");
}

const pairsIn = (metrics: string): readonly string[] => metrics.split("\n").filter((line) => line.startsWith(PAIR));

describe("conflictMetrics()", () => {
  it("shows both directions with upstream's name and labels, and totals beside them", () => {
    const metrics = text(indexOf({ one: [labelled("v", "s0:c1")], two: [labelled("v", "s0:c2")] }));
    expect(metrics).toContain(
      "# HELP selinux_warning_controller_selinux_volume_conflict [ALPHA] Conflict between two Pods using the same volume\n# TYPE selinux_warning_controller_selinux_volume_conflict gauge\n",
    );
    expect(pairsIn(metrics)).toEqual([
      `${PAIR}pod1_name="one",pod1_namespace="ns",pod1_value=":::s0:c1",pod2_name="two",pod2_namespace="ns",pod2_value=":::s0:c2",property="SELinuxLabel"} 1`,
      `${PAIR}pod1_name="two",pod1_namespace="ns",pod1_value=":::s0:c2",pod2_name="one",pod2_namespace="ns",pod2_value=":::s0:c1",property="SELinuxLabel"} 1`,
    ]);
    expect(metrics).toContain('\nselinux_warning_controller_conflicts{property="SELinuxLabel"} 1\n');
    expect(metrics).toContain("\nselinux_warning_controller_conflicting_volumes 1\n");
    expect(metrics).toContain("\nselinux_warning_controller_conflicting_pods 2\n");
    expect(metrics).toContain(
      '\nselinux_warning_controller_volume_conflicting_pods{driver="d",namespace="ns",persistentvolume="pv-v",persistentvolumeclaim="claim-v",volume="v"} 2\n',
    );
  });

  it("names every claim that stands for a volume", () => {
    const other = { ...labelled("v", "s0:c2"), persistentVolume: 'pv-"2"', claim: { namespace: "other", name: "c" } };
    const metrics = text(indexOf({ one: [labelled("v", "s0:c1")], two: [labelled("v", "s0:c1")], three: [other] }));
    expect(metrics.split("\n").filter((line) => line.includes("_volume_conflicting_pods{"))).toEqual([
      expect.stringContaining('namespace="ns",persistentvolume="pv-v",persistentvolumeclaim="claim-v",volume="v"} 3'),
      expect.stringContaining('namespace="other",persistentvolume="pv-'),
    ]);
  });

  it("never shows one series twice, where defaults make different labels look alike", () => {
    const index = indexOf({
      one: [labelled("v", "s0:c1", { type: "container_t" }), labelled("w", "s0:c1")],
      two: [labelled("v", "s0:c2"), labelled("w", "s0:c2")],
    });
    expect(pairsIn(text(index, { defaults: DEFAULTS }))).toHaveLength(2);
    expect(pairsIn(text(index))).toHaveLength(4);
  });

  it("is what a comparison of all pairs shows, on random clusters", () => {
    const use = fc.record({
      volume: fc.constantFrom("v", "w", "x"),
      level: fc.constantFrom("", "s0:c1", "s0:c2"),
      user: fc.constantFrom("", "system_u"),
      type: fc.constantFrom("", "container_t", "t2"),
      recursive: fc.boolean(),
    });
    const pods = fc.array(fc.uniqueArray(use, { selector: ({ volume }) => volume, maxLength: 3 }), { maxLength: 6 });
    fc.assert(
      fc.property(pods, fc.boolean(), (wishes, withDefaults) => {
        const cluster = Object.fromEntries(
          wishes.map((uses, number) => [
            `p${number}`,
            uses.map(({ volume, level, user, type, recursive }) => ({
              ...labelled(volume, level, { user, type }),
              ...(recursive && { policy: "Recursive" as const }),
            })),
          ]),
        );
        const defaults = withDefaults ? DEFAULTS : undefined;
        const found = pairsIn(text(indexOf(cluster), defaults && { defaults }));
        expect(new Set(found).size).toBe(found.length);
        expect(new Set(found)).toEqual(new Set(everyPair(cluster, defaults)));
      }),
      { numRuns: 300 },
    );
  });

  it("tells how many there are when it shows fewer, and shows as many as it may", () => {
    const cluster = Object.fromEntries(
      Array.from({ length: 40 }, (_, number) => [`p${number}`, [labelled("v", `s0:c${number}`)]]),
    );
    for (const seriesLimit of [1, 7, 100, 1_560]) {
      const metrics = text(indexOf(cluster), { seriesLimit });
      expect(pairsIn(metrics)).toHaveLength(seriesLimit);
      expect(metrics).toContain('conflicts{property="SELinuxLabel"} 780\n');
      expect(metrics).toContain(`pair_series_limit ${seriesLimit}\n`);
    }
    expect(pairsIn(text(indexOf(cluster), { seriesLimit: Number.POSITIVE_INFINITY }))).toHaveLength(40 * 39);
  });

  it("names what could not be read", () => {
    const metrics = text(createConflictIndex(), { unreadable: ["persistentvolumes"] });
    expect(metrics).toContain('unreadable_resource{resource="persistentvolumes"} 1\n');
    expect(metrics).toContain("selinux_warning_controller_complete 0\n");
  });
});

/** The series of all pairs, the slow and obvious way. */
function everyPair(cluster: Readonly<Record<string, readonly VolumeUse[]>>, defaults: LabelDefaults | undefined) {
  const names = Object.keys(cluster);
  return names.flatMap((one) =>
    names.flatMap((two) =>
      one === two
        ? []
        : (cluster[one] ?? []).flatMap((own) =>
            (cluster[two] ?? []).flatMap((other) =>
              own.volume === other.volume
                ? conflictsBetween(own, other).map((property) => {
                    const values = [own, other].map((use) => {
                      const { label } = effectiveLabelling(use);
                      return [fileLabelText(label, defaults), processLabelText(label, defaults)] as const;
                    });
                    const [[file1, process1] = ["", ""], [file2, process2] = ["", ""]] = values;
                    const texts =
                      property === "SELinuxChangePolicy"
                        ? [propertyValue(property, own), propertyValue(property, other)]
                        : file1 === file2
                          ? [process1, process2]
                          : [file1, file2];
                    return `${PAIR}pod1_name="${one}",pod1_namespace="ns",pod1_value="${texts[0]}",pod2_name="${two}",pod2_namespace="ns",pod2_value="${texts[1]}",property="${property}"} 1`;
                  })
                : [],
            ),
          ),
    ),
  );
}
