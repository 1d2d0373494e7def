import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ObjectMeta, OwnerReference } from "../../api/types.ts";
import {
  decideGarbage,
  decideWaiting,
  type Dependent,
  FOREGROUND_FINALIZER,
  isWaitingForDependents,
  ORPHAN_FINALIZER,
} from "./garbage.ts";

const reference = (uid: string, blockOwnerDeletion = false): OwnerReference => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  name: uid,
  uid,
  ...(blockOwnerDeletion && { blockOwnerDeletion }),
});

describe("decideGarbage()", () => {
  const metadata: ObjectMeta = { name: "x", uid: "x" };
  const owned = (state: "solid" | "waiting" | "absent", uid: string = state) => ({ reference: reference(uid), state });

  it("keeps what has no owner or a solid one", () => {
    expect(decideGarbage(metadata, [], [])).toEqual({ do: "nothing", because: "no-owners" });
    expect(decideGarbage(metadata, [owned("solid")], [])).toEqual({ do: "nothing", because: "owned" });
  });

  it("drops references to owners that are gone or going while another keeps it", () => {
    expect(decideGarbage(metadata, [owned("solid"), owned("absent"), owned("waiting")], [])).toEqual({
      do: "drop-references",
      uids: ["absent", "waiting"],
    });
  });

  it("deletes by the finalizers the object has", () => {
    const decide = (finalizers: readonly string[]) => decideGarbage({ ...metadata, finalizers }, [owned("absent")], []);
    expect(decide([])).toMatchObject({ do: "delete", policy: "Background" });
    expect(decide([ORPHAN_FINALIZER])).toMatchObject({ do: "delete", policy: "Orphan" });
    expect(decide([FOREGROUND_FINALIZER])).toMatchObject({ do: "delete", policy: "Foreground" });
  });

  it("passes waiting on to its own dependents, and breaks a circle", () => {
    const dependent: Dependent = { uid: "d", blocks: true, waitsForItsOwn: false };
    expect(decideGarbage(metadata, [owned("waiting")], [dependent])).toEqual({
      do: "delete",
      policy: "Foreground",
      unblockFirst: false,
    });
    expect(decideGarbage(metadata, [owned("waiting")], [{ ...dependent, waitsForItsOwn: true }])).toMatchObject({
      unblockFirst: true,
    });
  });
});

/** A world of objects on which the decisions are carried out until nothing changes any more. */
interface Thing {
  owners: OwnerReference[];
  finalizers: string[];
  deleted: boolean;
}
type World = Map<string, Thing>;

const metadataOf = (uid: string, { owners, finalizers, deleted }: Thing): ObjectMeta => ({
  uid,
  name: uid,
  ownerReferences: owners,
  finalizers,
  ...(deleted && { deletionTimestamp: "2026-01-01T00:00:00Z" }),
});

function remove(world: World, uid: string, policy: "Background" | "Foreground" | "Orphan"): void {
  const thing = world.get(uid);
  if (thing === undefined) return;
  if (policy === "Orphan" && !thing.finalizers.includes(ORPHAN_FINALIZER)) thing.finalizers.push(ORPHAN_FINALIZER);
  if (policy === "Foreground" && !thing.finalizers.includes(FOREGROUND_FINALIZER)) {
    thing.finalizers.push(FOREGROUND_FINALIZER);
  }
  thing.deleted = true;
  if (thing.finalizers.length === 0) world.delete(uid);
}

function dependentsOf(
  world: World,
  owner: string,
): { readonly uid: string; readonly thing: Thing; readonly as: Dependent }[] {
  return [...world].flatMap(([uid, thing]) => {
    const references = thing.owners.filter((reference) => reference.uid === owner);
    if (references.length === 0) return [];
    const as = {
      uid,
      blocks: references.some(({ blockOwnerDeletion }) => blockOwnerDeletion === true),
      waitsForItsOwn: isWaitingForDependents(metadataOf(uid, thing)),
    };
    return [{ uid, thing, as }];
  });
}

/** One object, as the controller would do it. */
function visit(world: World, uid: string): void {
  const thing = world.get(uid);
  if (thing === undefined) return;
  const dependents = dependentsOf(world, uid);
  const metadata = metadataOf(uid, thing);
  const waiting = decideWaiting(
    metadata,
    dependents.map(({ as }) => as),
  );
  if (waiting !== undefined) {
    if (waiting.do === "orphan-dependents") {
      for (const { thing } of dependents) thing.owners = thing.owners.filter((owner) => owner.uid !== uid);
    } else if (waiting.do === "release") {
      thing.finalizers = thing.finalizers.filter((finalizer) => finalizer !== waiting.finalizer);
      if (thing.finalizers.length === 0) world.delete(uid);
    }
    return;
  }
  const owners = thing.owners.map((reference) => {
    const owner = world.get(reference.uid);
    const state =
      owner === undefined ? "absent" : isWaitingForDependents(metadataOf(reference.uid, owner)) ? "waiting" : "solid";
    return { reference, state } as const;
  });
  const decision = decideGarbage(
    metadata,
    owners,
    dependents.map(({ as }) => as),
  );
  if (decision.do === "drop-references") thing.owners = thing.owners.filter(({ uid }) => !decision.uids.includes(uid));
  if (decision.do === "delete") {
    if (decision.unblockFirst) thing.owners = thing.owners.map((owner) => ({ ...owner, blockOwnerDeletion: false }));
    remove(world, uid, decision.policy);
  }
}

function settle(world: World, order: readonly string[]): void {
  for (let round = 0; round < 100; round++) {
    const before = JSON.stringify([...world]);
    for (const uid of order) visit(world, uid);
    if (JSON.stringify([...world]) === before) return;
  }
  throw new Error("the decisions never come to rest");
}

describe("the decisions together", () => {
  const uids = ["a", "b", "c", "d", "e", "f"];
  const graph = fc.record({
    // Owners come earlier in the list, so that there are no circles here.
    owners: fc.tuple(
      ...uids.map((_, index) =>
        fc
          .subarray(uids.slice(0, index))
          .chain((owners) =>
            fc.tuple(
              fc.constant(owners),
              fc.array(fc.boolean(), { minLength: owners.length, maxLength: owners.length }),
            ),
          ),
      ),
    ),
    target: fc.constantFrom(...uids),
    order: fc.shuffledSubarray(uids, { minLength: uids.length }),
    policy: fc.constantFrom("Background" as const, "Foreground" as const, "Orphan" as const),
  });

  it("delete exactly what only the deleted object kept, in any order and by any policy", () => {
    fc.assert(
      fc.property(graph, ({ owners, target, order, policy }) => {
        const world: World = new Map(
          uids.map((uid, index) => {
            const [names = [], blocking = []] = owners[index] ?? [];
            const references = names.map((owner, at) => reference(owner, blocking[at]));
            return [uid, { owners: references, finalizers: [], deleted: false }];
          }),
        );
        const ownersOf = new Map([...world].map(([uid, { owners }]) => [uid, owners.map((owner) => owner.uid)]));
        remove(world, target, policy);
        settle(world, order);

        const gone = new Set([target]);
        if (policy !== "Orphan") {
          for (const uid of uids) {
            const all = ownersOf.get(uid) ?? [];
            if (all.length > 0 && all.every((owner) => gone.has(owner))) gone.add(uid);
          }
        }
        expect([...world.keys()].sort()).toEqual(uids.filter((uid) => !gone.has(uid)));
        for (const { owners } of world.values()) {
          expect(owners.some(({ uid }) => gone.has(uid))).toBe(false);
        }
      }),
    );
  });

  it("come to an end with circles of blocking owners that are deleted in the foreground", () => {
    const world: World = new Map([
      ["a", { owners: [reference("b", true)], finalizers: [], deleted: false }],
      ["b", { owners: [reference("a", true)], finalizers: [], deleted: false }],
    ]);
    remove(world, "a", "Foreground");
    settle(world, ["a", "b"]);
    expect(world.size).toBe(0);
  });
});
