import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createConflictIndex, type ConflictPair } from "./conflict-index.ts";
import type { IndexedPod, VolumeUse } from "./volume-use.ts";
import { mayBeUncertain } from "./uncertainty.ts";
import { conflictsBetween, propertyValue, type ConflictProperty } from "./conflict-rule.ts";

const pod = (index: number): IndexedPod => ({ uid: `uid-${index}`, namespace: "ns", name: `pod-${index}` });
const PROPERTIES: readonly ConflictProperty[] = ["SELinuxLabel", "SELinuxChangePolicy"];

const use: fc.Arbitrary<VolumeUse> = fc
  .record({
    volume: fc.constantFrom("v1", "v2", "v3"),
    policy: fc.constantFrom("MountOption" as const, "MountOption" as const, "Recursive" as const),
    label: fc.record({
      user: fc.constantFrom("", "u"),
      role: fc.constant(""),
      type: fc.constantFrom("", "t1", "t2"),
      level: fc.constantFrom("", "s0:c1,c2", "s0:c2,c1", "s0:c3"),
    }),
  })
  .map((value) => ({ ...value, plugin: value.volume === "v3" ? "other" : "csi" }));

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("set" as const),
      pod: fc.nat(7),
      uses: fc.uniqueArray(use, { selector: ({ volume }) => volume, maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("remove" as const), pod: fc.nat(7) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("support" as const),
      plugin: fc.constantFrom("csi", "other"),
      supported: fc.boolean(),
    }),
  },
);

/** Compares every pair of pods, the slow and obvious way. */
type PlainPair = Omit<ConflictPair, "label" | "otherLabel">;

function bruteForce(uses: ReadonlyMap<number, readonly VolumeUse[]>, supported: ReadonlySet<string>) {
  const pairs: PlainPair[] = [];
  for (const [left, leftUses] of uses) {
    for (const [right, rightUses] of uses) {
      if (left === right) continue;
      for (const own of leftUses) {
        const other = rightUses.find(({ volume }) => volume === own.volume);
        if (other === undefined || !supported.has(own.plugin)) continue;
        for (const property of conflictsBetween(own, other)) {
          pairs.push({
            property,
            volume: own.volume,
            pod: pod(left),
            value: propertyValue(property, own),
            other: pod(right),
            otherValue: propertyValue(property, other),
          });
        }
      }
    }
  }
  return pairs;
}

/** With how many pods one is in conflict on a volume, in one property. */
function conflictsOn(pairs: readonly PlainPair[], { other, volume, property }: PlainPair): number {
  return pairs.filter((pair) => pair.pod.uid === other.uid && pair.volume === volume && pair.property === property)
    .length;
}

const series = ({ property, pod: one, value, other, otherValue }: PlainPair): string =>
  JSON.stringify([property, one.uid, value, other.uid, otherValue]);

describe("createConflictIndex()", () => {
  it("agrees with a comparison of all pairs on random histories", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const index = createConflictIndex();
        const uses = new Map<number, readonly VolumeUse[]>();
        const supported = new Set<string>();
        const podsInConflict = (): number => new Set(bruteForce(uses, supported).map((pair) => pair.pod.uid)).size;
        for (const [position, action] of steps.entries()) {
          if (action.do === "set") {
            index.setPod(pod(action.pod), action.uses);
            uses.set(action.pod, action.uses);
          } else if (action.do === "remove") {
            index.removePod(pod(action.pod).uid);
            uses.delete(action.pod);
          } else {
            index.setPluginSupport(action.plugin, action.supported);
            if (action.supported) supported.add(action.plugin);
            else supported.delete(action.plugin);
          }
          // Counted from one look to the next: sometimes after one change, sometimes after several.
          if (position % 3 !== 0) expect(index.totals().pods).toBe(podsInConflict());
        }
        const expected = bruteForce(uses, supported);
        const inConflict = [...index.podsInConflict()];
        expect(new Set(inConflict)).toEqual(new Set(expected.map((pair) => pair.pod.uid)));
        expect(inConflict.length).toBe(new Set(inConflict).size);
        const { pairs, volumes, pods } = index.totals();
        expect(pods).toBe(new Set(expected.map((pair) => pair.pod.uid)).size);
        for (const property of PROPERTIES) {
          expect(pairs[property] * 2).toBe(expected.filter((pair) => pair.property === property).length);
        }
        expect(volumes).toBe(new Set(expected.map(({ volume }) => volume)).size);
        for (const volume of index.volumes()) {
          const here = expected.filter((pair) => pair.volume === volume.volume);
          expect(volume.conflictingPods).toBe(new Set(here.map((pair) => pair.pod.uid)).size);
          expect(new Set(index.conflictingMembersOf(volume.volume))).toEqual(new Set(here.map((pair) => pair.pod.uid)));
          expect(volume.pods).toBe(
            [...uses.values()].filter((list) => list.some((one) => one.volume === volume.volume)).length,
          );
        }
        const inDoubt = [...uses.values()].flat().filter((one) => mayBeUncertain(one) && supported.has(one.plugin));
        expect(new Set(index.volumesInDoubt())).toEqual(new Set(inDoubt.map(({ volume }) => volume)));
        for (const number of uses.keys()) {
          const own = [...index.conflictsOf(pod(number).uid)];
          const counts = index.conflictCountsOf(pod(number).uid);
          for (const property of PROPERTIES) {
            expect(counts[property]).toBe(own.filter((pair) => pair.property === property).length);
          }
          for (const most of [0, 1, 3]) {
            expect([...index.conflictsOf(pod(number).uid, most)].map((pair) => series(pair))).toEqual(
              own.filter((pair) => conflictsOn(expected, pair) <= most).map((pair) => series(pair)),
            );
          }
          expect(own.map((pair) => series(pair)).sort()).toEqual(
            expected
              .filter((pair) => pair.pod.uid === pod(number).uid)
              .map((pair) => series(pair))
              .sort(),
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it("forgets volumes nobody uses", () => {
    const index = createConflictIndex();
    index.setPluginSupport("csi", true);
    index.setPod(pod(1), [
      { volume: "v", plugin: "csi", policy: "MountOption", label: { user: "", role: "", type: "", level: "s0:c1" } },
    ]);
    index.removePod(pod(1).uid);
    expect(index.totals()).toEqual({
      pairs: { SELinuxLabel: 0, SELinuxChangePolicy: 0 },
      volumes: 0,
      pods: 0,
      indexedVolumes: 0,
      indexedPods: 0,
    });
  });

  it("holds a volume with thousands of different labels without holding its pairs", () => {
    const index = createConflictIndex();
    index.setPluginSupport("csi", true);
    const count = 10_000;
    for (let number = 0; number < count; number++) {
      index.setPod(pod(number), [
        {
          volume: "v",
          plugin: "csi",
          policy: "MountOption",
          label: { user: "", role: "", type: "", level: `s0:c${number % 1000},c${1000 + Math.floor(number / 1000)}` },
        },
      ]);
    }
    expect(index.totals().pairs.SELinuxLabel).toBe((count * (count - 1)) / 2);
    expect(index.conflictsOf(pod(7).uid).next().value).toMatchObject({ property: "SELinuxLabel", volume: "v" });
    expect([...index.volumes()]).toMatchObject([{ pods: count, conflictingPods: count }]);
  });
});
