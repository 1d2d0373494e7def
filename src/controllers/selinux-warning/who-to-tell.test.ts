import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createConflictIndex } from "../../core/selinux/conflict-index.ts";
import type { VolumeUse } from "../../core/selinux/volume-use.ts";
import { createConflictEvents } from "./conflict-events.ts";
import { whoToTell } from "./who-to-tell.ts";

const PLUGIN = "kubernetes.io/csi/d";

function use(volume: string, level: string): VolumeUse {
  return { volume, plugin: PLUGIN, policy: "MountOption", label: { user: "", role: "", type: "", level } };
}

function setting() {
  const index = createConflictIndex();
  index.setPluginSupport(PLUGIN, true);
  return { index, events: createConflictEvents(index) };
}

const change = fc.record({
  pod: fc.nat(30),
  /** None: the pod is removed. */
  uses: fc.uniqueArray(
    fc.record({ volume: fc.constantFrom("v", "w"), level: fc.constantFrom("", "s0:c1", "s0:c2", "s0:c3") }),
    { selector: ({ volume }) => volume, maxLength: 2 },
  ),
});
const round = fc.array(change, { minLength: 1, maxLength: 12 });

describe("whoToTell()", () => {
  it("leaves out nobody who has something to be told, whatever happened before", () => {
    fc.assert(
      fc.property(fc.array(round, { maxLength: 12 }), (rounds) => {
        const { index, events } = setting();
        const before = new Map<string, ReadonlySet<string>>();
        for (const changes of rounds) {
          const changed = new Set<string>();
          for (const { pod, uses } of changes) {
            const uid = `uid-${pod}`;
            if (uses.length === 0) {
              index.removePod(uid);
              events.forget(uid);
              before.delete(uid);
              changed.delete(uid);
            } else if (
              index.setPod(
                { uid, namespace: "ns", name: `p-${pod}` },
                uses.map((one) => use(one.volume, one.level)),
              )
            ) {
              changed.add(uid);
            }
          }
          for (const uid of whoToTell(index, changed)) events.next(uid);
          for (const uid of index.podsInConflict()) {
            const conflicts = [...index.conflictsOf(uid)];
            const nameOf = ({ property, other }: (typeof conflicts)[number]): string => `${property}/${other.uid}`;
            const fresh = conflicts.filter((conflict) => before.get(uid)?.has(nameOf(conflict)) !== true);
            const reasons = new Set(fresh.map(({ property }) => `${property}Conflict`));
            expect(events.next(uid).filter(({ reason }) => reasons.has(reason))).toEqual([]);
            const now = new Set(conflicts.map(nameOf));
            before.set(uid, now);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("does not look at thousands of pods that know that they have many conflicts", () => {
    const { index } = setting();
    const add = (number: number): void => {
      const name = `p-${number}`;
      index.setPod({ uid: name, namespace: "ns", name }, [use("v", `s0:c${number % 2}`)]);
    };
    for (let number = 0; number < 5_000; number++) add(number);
    add(5_000);
    expect(whoToTell(index, ["p-5000"])).toEqual(new Set(["p-5000"]));
  });

  it("tells all of a large peaceful group about the first that disturbs it", () => {
    const { index } = setting();
    for (let number = 0; number < 100; number++) {
      index.setPod({ uid: `p-${number}`, namespace: "ns", name: `p-${number}` }, [use("v", "s0:c1")]);
    }
    index.setPod({ uid: "odd", namespace: "ns", name: "odd" }, [use("v", "s0:c2")]);
    expect(whoToTell(index, ["odd"]).size).toBe(101);
  });
});
