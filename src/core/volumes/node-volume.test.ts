import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  admitUser,
  isForgotten,
  isIdle,
  nextStepFor,
  type NodeVolume,
  removeUser,
  UNUSED,
  type VolumeDemand,
  withDevice,
  withPodMount,
} from "./node-volume.ts";

const demandOf = (pod: number, context: string, change: Partial<VolumeDemand> = {}): VolumeDemand => ({
  podUid: `p${pod}`,
  pod: { namespace: "ns", name: `p${pod}` },
  context,
  contextText: context,
  wanted: context,
  tracked: true,
  blocks: true,
  ...change,
});

function admitted(volume: NodeVolume, demand: VolumeDemand): NodeVolume {
  const admission = admitUser(volume, demand);
  if (admission.verdict !== "admitted") throw new Error(admission.verdict);
  return admission.volume;
}

describe("admitUser()", () => {
  it("keeps a second pod with another label out and names the first, whose label stays the measure", () => {
    const volume = admitted(UNUSED, demandOf(1, "A"));
    expect(admitUser(volume, demandOf(2, "B"))).toEqual({
      verdict: "conflict",
      used: "A",
      by: [{ namespace: "ns", name: "p1" }],
    });
    const shared = removeUser(admitted(volume, demandOf(3, "A")), "p1");
    expect(admitUser(shared, demandOf(2, "B"))).toMatchObject({ verdict: "conflict", used: "A" });
  });

  it("compares what will be mounted one day where it does not matter yet, and lets both in", () => {
    const loose = { context: "", contextText: "", blocks: false };
    const volume = admitted(UNUSED, demandOf(1, "A", loose));
    expect(admitUser(volume, demandOf(2, "B", loose))).toMatchObject({ verdict: "admitted", mismatch: true });
    expect(admitUser(volume, demandOf(2, "A", loose))).toMatchObject({ verdict: "admitted", mismatch: false });
  });

  it("asks nothing of volumes whose driver can not mount with a label", () => {
    const plain = { context: "", contextText: "", tracked: false };
    const volume = admitted(UNUSED, demandOf(1, "A", plain));
    expect(admitUser(volume, demandOf(2, "B", plain))).toMatchObject({ verdict: "admitted", mismatch: false });
  });

  it("keeps the mount of a pod that was found mounted, whatever it would ask for now", () => {
    const found = withPodMount(withDevice(UNUSED, { at: "uncertain", context: "A" }), "p1", {
      at: "uncertain",
      context: "A",
    });
    expect(admitUser(found, demandOf(2, "B"))).toEqual({ verdict: "wait-for-unmount" });
    const volume = admitted(found, demandOf(1, "B"));
    expect(volume.desired).toEqual({ context: "A", contextText: "A", wanted: "B" });
    expect(nextStepFor(volume, "p1", true)).toEqual({ do: "mount-device" });
  });
});

/** Acts out what a kubelet does with a volume, in any order of pods, with calls that fail or are cut short. */
describe("a volume of two labels and three pods", () => {
  type Action = {
    readonly pod: number;
    readonly what: "use" | "leave" | "unmount" | "idle";
    readonly uncertain: boolean;
  };
  const action: fc.Arbitrary<Action> = fc.record({
    pod: fc.integer({ min: 0, max: 2 }),
    what: fc.constantFrom("use", "use", "leave", "unmount", "idle"),
    uncertain: fc.boolean(),
  });
  const labelOf = (pod: number): string => (pod === 2 ? "B" : "A");

  it("is never mounted with two labels at once, never unstaged below a pod, and always free again in the end", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        let volume = UNUSED;
        const state = (uncertain: boolean, context: string) =>
          ({ at: uncertain ? "uncertain" : "mounted", context }) as const;
        const perform = ({ pod, what, uncertain }: Action): void => {
          const uid = `p${pod}`;
          if (what === "leave") volume = removeUser(volume, uid);
          if (what === "unmount" && !volume.users.has(uid)) volume = withPodMount(volume, uid, { at: "none" });
          if (what === "idle" && isIdle(volume)) volume = withDevice(volume, { at: "none" });
          if (what !== "use") return;
          const admission = admitUser(volume, demandOf(pod, labelOf(pod)));
          if (admission.verdict !== "admitted") return;
          ({ volume } = admission);
          const step = nextStepFor(volume, uid, true);
          const { context } = volume.desired;
          if (step.do === "mount-device") volume = withDevice(volume, state(uncertain, context));
          if (step.do === "mount-pod") volume = withPodMount(volume, uid, state(uncertain, context));
          if (step.do === "unmount-device") {
            expect(volume.mounts.size).toBe(0);
            volume = withDevice(volume, { at: "none" });
          }
        };
        for (const each of actions) {
          perform(each);
          const contexts = new Set([...volume.mounts.values()].map(({ context }) => context));
          expect(contexts.size).toBeLessThanOrEqual(1);
          if (volume.device.at !== "none") for (const context of contexts) expect(volume.device.context).toBe(context);
        }
        for (const pod of [0, 1, 2]) {
          perform({ pod, what: "leave", uncertain: false });
          perform({ pod, what: "unmount", uncertain: false });
        }
        perform({ pod: 0, what: "idle", uncertain: false });
        expect(isForgotten(volume)).toBe(true);
      }),
    );
  });
});
