import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/types.ts";
import { attachableVolumeOf, inlineVolumesOf, isDoneWithVolumes, isSharable } from "./attachable-volume.ts";
import { decideAttachments, FORCE_AFTER_MS, multiAttachText, type NodeUse } from "./decide-attachments.ts";

const pod = (name: string, namespace = "x", creationTimestamp = "2026-01-01T00:00:00Z"): Pod => ({
  metadata: { namespace, name, creationTimestamp },
});
const use = (node: string, more: Partial<NodeUse> = {}): NodeUse => ({
  node,
  pods: [],
  attachment: "none",
  isMounted: false,
  health: "ready",
  unusedMs: 0,
  ...more,
});

describe("decideAttachments()", () => {
  it("attaches where pods are, and takes back what they left when the node let go", () => {
    expect(decideAttachments([use("a", { pods: [pod("p")] })], false)).toEqual([{ do: "attach", node: "a" }]);
    const left = { attachment: "attached", isMounted: true } as const;
    expect(decideAttachments([use("a", left)], false)).toEqual([{ do: "await-unmount", node: "a" }]);
    expect(decideAttachments([use("a", { ...left, isMounted: false })], false)).toEqual([
      { do: "detach", node: "a", isForced: false },
    ]);
  });

  it("gives a volume of one node to another only when it is free, first come first served", () => {
    const held = use("a", { attachment: "attached", isMounted: true, pods: [pod("old")] });
    const next = use("b", { pods: [pod("new")] });
    expect(decideAttachments([held, next], false)).toContainEqual({ do: "refuse", node: "b", heldBy: [held] });
    expect(decideAttachments([held, next], true)).toContainEqual({ do: "attach", node: "b" });
    const late = use("a", { pods: [pod("late", "x", "2026-01-02T00:00:00Z")] });
    expect(decideAttachments([late, next], false)).toEqual([
      { do: "attach", node: "b" },
      { do: "refuse", node: "a", heldBy: [next] },
    ]);
  });

  it("waits six minutes for a node that does not answer, and not at all for one that is off", () => {
    const gone = { attachment: "attached", isMounted: true, health: "unreachable" } as const;
    expect(decideAttachments([use("a", { ...gone, unusedMs: 1_000 })], false)).toEqual([
      { do: "await-unmount", node: "a", forceInMs: FORCE_AFTER_MS - 999 },
    ]);
    expect(decideAttachments([use("a", { ...gone, unusedMs: FORCE_AFTER_MS + 1 })], false)).toEqual([
      { do: "detach", node: "a", isForced: true },
    ]);
    expect(decideAttachments([use("a", { ...gone, health: "out-of-service" })], false)).toEqual([
      { do: "detach", node: "a", isForced: true },
    ]);
  });

  const anyUse = fc.record({
    pods: fc.integer({ min: 0, max: 2 }).map((count) => Array.from({ length: count }, (_, at) => pod(`p${at}`))),
    attachment: fc.constantFrom("none" as const, "attaching" as const, "attached" as const, "detaching" as const),
    isMounted: fc.boolean(),
    health: fc.constantFrom("ready" as const, "unreachable" as const, "out-of-service" as const),
    unusedMs: fc.constantFrom(0, FORCE_AFTER_MS, FORCE_AFTER_MS + 1),
  });
  it("never gives an exclusive volume to two nodes, and takes none from a pod or a node that uses it", () => {
    fc.assert(
      fc.property(fc.array(anyUse, { maxLength: 4 }), fc.boolean(), (some, sharable) => {
        const uses = some.map((each, at) => ({ ...each, node: `n${at}` }));
        const decisions = decideAttachments(uses, sharable);
        expect(decisions.map(({ node }) => node).sort()).toEqual(uses.map(({ node }) => node));
        const had = uses.filter(({ attachment }) => attachment !== "none").length;
        const more = decisions.filter((each) => each.do === "attach").length;
        if (!sharable) expect(more).toBeLessThanOrEqual(had === 0 ? 1 : 0);
        for (const decision of decisions) {
          const its = uses.find(({ node }) => node === decision.node);
          if (decision.do !== "detach") continue;
          expect(its?.pods).toEqual([]);
          if (its?.isMounted === true) expect([decision.isForced, its.health === "ready"]).toEqual([true, false]);
        }
      }),
    );
  });
});

describe("multiAttachText()", () => {
  it("names pods of the same namespace and counts the others", () => {
    const held = (...pods: readonly Pod[]) => [use("a", { pods })];
    const me = pod("me");
    expect([
      multiAttachText("v", me, held()),
      multiAttachText("v", me, held(pod("a"), pod("b"))),
      multiAttachText("v", me, held(pod("a"), pod("b", "y"))),
      multiAttachText("v", me, held(pod("b", "y"))),
    ]).toEqual([
      `Multi-Attach error for volume "v" Volume is already exclusively attached to one node and can't be attached to another`,
      'Multi-Attach error for volume "v" Volume is already used by pod(s) a, b',
      'Multi-Attach error for volume "v" Volume is already used by pod(s) a and 1 pod(s) in different namespaces',
      'Multi-Attach error for volume "v" Volume is already used by 1 pod(s) in different namespaces',
    ]);
  });
});

describe("volumes that are attached", () => {
  it("have upstream's names", () => {
    const csi = { csi: { driver: "d.example.com", volumeHandle: "h^1" } };
    expect(attachableVolumeOf({ spec: { ...csi, volumeMode: "Block" } })).toEqual({
      name: "kubernetes.io/csi/d.example.com^h^1",
      csi: { driver: "d.example.com", handle: "h^1" },
    });
    const iscsi = { targetPortal: "1.2.3.4:3260", iqn: "iqn.x", lun: 0 };
    expect(attachableVolumeOf({ spec: { iscsi } })).toEqual({ name: "kubernetes.io/iscsi/1.2.3.4:3260:iqn.x:0" });
    expect(inlineVolumesOf({ spec: { containers: [], volumes: [{ name: "v", iscsi }] } })).toEqual([
      "kubernetes.io/iscsi/1.2.3.4:3260:iqn.x:0",
    ]);
    expect(attachableVolumeOf({ spec: { hostPath: { path: "/x" } } })).toBeUndefined();
  });

  it("are shared when the volume says so, or says nothing", () => {
    const modes = (...accessModes: readonly string[]) => isSharable({ spec: { accessModes } });
    expect([
      modes(),
      modes("ReadWriteOnce"),
      modes("ReadWriteOncePod"),
      modes("ReadWriteOnce", "ReadOnlyMany"),
    ]).toEqual([true, false, false, true]);
  });

  it("are done with when the pod ended, or goes and no container runs", () => {
    const going = { deletionTimestamp: "2026-01-01T00:00:00Z" };
    const running = { containerStatuses: [{ state: { running: {} } }] } as unknown as Pod["status"];
    expect([
      isDoneWithVolumes({ status: { phase: "Failed" } }),
      isDoneWithVolumes({ metadata: going, status: {} }),
      isDoneWithVolumes({ metadata: going, ...(running !== undefined && { status: running }) }),
      isDoneWithVolumes({ status: { phase: "Running" } }),
    ]).toEqual([true, true, false, false]);
  });
});
