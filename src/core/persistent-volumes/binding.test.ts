import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types.ts";
import { BIND_COMPLETED, hasAnnotation, PRE_RESIZE_CAPACITY } from "./annotations.ts";
import {
  claimBoundTo,
  claimWithBoundStatus,
  claimWithoutVolume,
  volumeBoundTo,
  volumeInPhase,
  volumeWithoutClaim,
} from "./binding.ts";
import { decideClaim } from "./decide-claim.ts";
import { decideVolume } from "./decide-volume.ts";

describe("claimWithBoundStatus()", () => {
  const volume: PersistentVolume = {
    metadata: { name: "v" },
    spec: { capacity: { storage: "5Gi" }, accessModes: ["ReadWriteOnce"], volumeAttributesClassName: "quick" },
  };
  it("tells the capacity once, so that a file system that lags behind is not hidden", () => {
    const bound = claimWithBoundStatus({ status: { phase: "Pending" } }, volume);
    expect(bound.status).toEqual({
      phase: "Bound",
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "5Gi" },
      currentVolumeAttributesClassName: "quick",
    });
    const lagging = { ...bound, status: { ...bound.status, capacity: { storage: "3Gi" } } };
    expect(claimWithBoundStatus(lagging, volume)).toBe(lagging);
  });

  it("takes what was there before a resize from the volume's annotation", () => {
    const resizing = { ...volume, metadata: { name: "v", annotations: { [PRE_RESIZE_CAPACITY]: "2Gi" } } };
    expect(claimWithBoundStatus({ status: { phase: "Pending" } }, resizing).status?.capacity).toEqual({
      storage: "2Gi",
    });
  });
});

// The store of an API server, and controllers that see it late, work in any order, and stop after any write.
type Stored<T> = T & {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
};

class World {
  readonly volumes = new Map<string, Stored<PersistentVolume>>();
  readonly claims = new Map<string, Stored<PersistentVolumeClaim>>();
  #version = 0;

  /** Fails, as the server does, when the object was written or deleted since it was read. */
  write<T extends PersistentVolume>(into: Map<string, Stored<T>>, object: T): Stored<T> | undefined {
    const { name = "", uid = "", resourceVersion } = object.metadata ?? {};
    if (into.get(name)?.metadata.resourceVersion !== resourceVersion) return undefined;
    return this.put(into, { ...object, metadata: { ...object.metadata, name, uid } });
  }

  put<T extends PersistentVolume>(into: Map<string, Stored<T>>, object: T): Stored<T> {
    this.#version += 1;
    const version = String(this.#version);
    const { name = "", uid = version } = object.metadata ?? {};
    const stored = { ...object, metadata: { ...object.metadata, name, uid, resourceVersion: version } };
    into.set(name, stored);
    return stored;
  }
}

/** One controller: a copy of the world as old as its last look. */
class Controller {
  readonly #world: World;
  #volumes = new Map<string, Stored<PersistentVolume>>();
  #claims = new Map<string, Stored<PersistentVolumeClaim>>();
  constructor(world: World) {
    this.#world = world;
  }

  look(): void {
    this.#volumes = new Map(this.#world.volumes);
    this.#claims = new Map(this.#world.claims);
  }

  /** @param writes stops after so many */
  syncClaim(name: string, writes: number): void {
    const claim = this.#claims.get(name);
    if (claim === undefined) return;
    const decision = decideClaim(claim, {
      volume: (key) => this.#volumes.get(key),
      candidates: () => [...this.#volumes.values()],
      storageClass: () => undefined,
      defaultClass: () => undefined,
      podsWithoutNode: () => [],
    });
    const { claims, volumes } = this.#world;
    switch (decision.do) {
      case "bind": {
        let left = writes;
        const step = <T extends PersistentVolume>(into: Map<string, Stored<T>>, before: T, after: T): T | undefined => {
          if (before === after) return before;
          left -= 1;
          return left < 0 ? undefined : this.#world.write(into, after);
        };
        const reserved = step(volumes, decision.volume, volumeBoundTo(decision.volume, claim));
        const bound = reserved && step(volumes, reserved, volumeInPhase(reserved, "Bound"));
        const named = bound && step(claims, claim, claimBoundTo(claim, bound.metadata?.name ?? ""));
        if (bound !== undefined && named !== undefined) step(claims, named, claimWithBoundStatus(named, bound));
        break;
      }
      case "wait":
        if (writes > 0) this.#world.write(claims, claimWithoutVolume(claim, "Pending"));
        break;
      case "lose":
        if (writes > 0) this.#world.write(claims, claimWithoutVolume(claim, "Lost"));
        break;
      case "assign-class":
      case "provision":
        throw new Error(`no classes here: ${decision.do}`);
    }
  }

  syncVolume(name: string, writes: number): void {
    const volume = this.#volumes.get(name);
    if (volume === undefined || writes === 0) return;
    const reference = volume.spec?.claimRef;
    const live = this.#world.claims.get(reference?.name ?? "");
    const cached = this.#claims.get(reference?.name ?? "");
    const isMine = (claim: PersistentVolumeClaim | undefined) => claim?.metadata?.uid === reference?.uid;
    const claim = isMine(cached) ? cached : isMine(live) ? live : undefined;
    const decision = decideVolume(volume, claim);
    const { volumes } = this.#world;
    if (decision.do === "set-phase") this.#world.write(volumes, volumeInPhase(volume, decision.phase));
    if (decision.do === "release") this.#world.write(volumes, volumeInPhase(volume, "Released"));
    if (decision.do !== "unbind") return;
    const free = this.#world.write(volumes, volumeWithoutClaim(volume));
    if (free !== undefined && writes > 1) this.#world.write(volumes, volumeInPhase(free, "Available"));
  }

  syncAll(): void {
    for (const name of this.#world.claims.keys()) {
      this.look();
      this.syncClaim(name, 9);
    }
    for (const name of this.#world.volumes.keys()) {
      this.look();
      this.syncVolume(name, 9);
    }
  }
}

const NAMES = ["a", "b", "c"] as const;
const name = fc.constantFrom(...NAMES);
const size = fc.constantFrom("1Gi", "2Gi");
const optionalName = fc.option(name, { freq: 2, nil: undefined });
const who = fc.nat(1);
// A controller that does not look first works with what it saw earlier.
const looksFirst = fc.boolean();
const event = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("add-volume" as const), name, size, reservedFor: optionalName }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("add-claim" as const), name, size, asksFor: optionalName }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete-volume" as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete-claim" as const), name }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("sync-claim" as const), who, looksFirst, name, writes: fc.nat(4) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("sync-volume" as const), who, looksFirst, name, writes: fc.nat(2) }),
  },
);
type WorldEvent = typeof event extends fc.Arbitrary<infer E> ? E : never;

function happen(world: World, controllers: readonly Controller[], what: WorldEvent): void {
  switch (what.do) {
    case "add-volume":
      if (world.volumes.has(what.name)) return;
      world.put(world.volumes, {
        metadata: { name: what.name },
        spec: {
          capacity: { storage: what.size },
          accessModes: ["ReadWriteOnce"],
          persistentVolumeReclaimPolicy: "Retain",
          ...(what.reservedFor !== undefined && { claimRef: { namespace: "x", name: what.reservedFor } }),
        },
        status: { phase: "Pending" },
      });
      return;
    case "add-claim":
      if (world.claims.has(what.name)) return;
      world.put(world.claims, {
        metadata: { namespace: "x", name: what.name },
        spec: {
          accessModes: ["ReadWriteOnce"],
          resources: { requests: { storage: what.size } },
          ...(what.asksFor !== undefined && { volumeName: what.asksFor }),
        },
        status: { phase: "Pending" },
      });
      return;
    case "delete-volume":
      world.volumes.delete(what.name);
      return;
    case "delete-claim":
      world.claims.delete(what.name);
      return;
    case "sync-claim":
      if (what.looksFirst) controllers[what.who]?.look();
      controllers[what.who]?.syncClaim(what.name, what.writes);
      return;
    case "sync-volume":
      if (what.looksFirst) controllers[what.who]?.look();
      controllers[what.who]?.syncVolume(what.name, what.writes);
  }
}

/** The second controller does not know yet that there is a better volume, and reserves another one. */
const TWO_VOLUMES_FOR_ONE_CLAIM: WorldEvent[] = [
  { do: "add-claim", name: "a", size: "1Gi", asksFor: undefined },
  { do: "add-volume", name: "b", size: "2Gi", reservedFor: undefined },
  { do: "sync-volume", who: 0, looksFirst: true, name: "b", writes: 2 },
  { do: "sync-claim", who: 1, looksFirst: true, name: "a", writes: 0 },
  { do: "add-volume", name: "a", size: "1Gi", reservedFor: undefined },
  { do: "sync-volume", who: 0, looksFirst: true, name: "a", writes: 2 },
  { do: "sync-claim", who: 0, looksFirst: true, name: "a", writes: 4 },
  { do: "sync-claim", who: 1, looksFirst: false, name: "a", writes: 4 },
];

/** Claims that were told they have a volume, by volume; those that know to be lost have none. */
function holders({ claims }: World): Map<string, readonly PersistentVolumeClaim[]> {
  const found = new Map<string, readonly PersistentVolumeClaim[]>();
  for (const claim of claims.values()) {
    const volume = claim.spec?.volumeName ?? "";
    if (hasAnnotation(claim, BIND_COMPLETED)) found.set(volume, [...(found.get(volume) ?? []), claim]);
  }
  return found;
}

describe("binding in any order of events, with two controllers that see late and stop anywhere", () => {
  it("gives no volume to two claims, takes none from its claim, and ends with both sides agreed", () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 10, maxLength: 60, size: "max" }), (events) => {
        const world = new World();
        const controllers = [new Controller(world), new Controller(world)];
        for (const one of events) {
          const before = new Map(world.volumes);
          happen(world, controllers, one);
          for (const [volumeName, claims] of holders(world)) {
            const volume = world.volumes.get(volumeName);
            const its = claims.filter(({ metadata }) => metadata?.uid === volume?.spec?.claimRef?.uid);
            expect(its.length).toBeLessThanOrEqual(1);
            // Once a claim was told, its volume keeps it.
            const had = before.get(volumeName)?.spec?.claimRef?.uid;
            const isHolder = claims.some(({ metadata }) => metadata?.uid === had);
            if (isHolder && volume?.metadata.uid === before.get(volumeName)?.metadata.uid) {
              expect(volume?.spec?.claimRef?.uid).toBe(had);
              expect(volume?.status?.phase).not.toBe("Released");
            }
          }
        }
        const [last] = controllers;
        for (let round = 0; round < 8; round++) last?.syncAll();
        for (const claim of world.claims.values()) {
          const mine = [...world.volumes.values()].filter(({ spec }) => spec?.claimRef?.uid === claim.metadata.uid);
          if (claim.status?.phase === "Bound") {
            expect(mine.map(({ metadata, status }) => [metadata.name, status?.phase])).toEqual([
              [claim.spec?.volumeName, "Bound"],
            ]);
          } else expect(mine).toEqual([]);
        }
        for (const { spec, status } of world.volumes.values()) {
          const holder = [...world.claims.values()].find(({ metadata }) => metadata.uid === spec?.claimRef?.uid);
          const isTaken = (spec?.claimRef?.uid ?? "") !== "";
          expect(status?.phase).toBe(!isTaken ? "Available" : holder === undefined ? "Released" : "Bound");
        }
      }),
      { numRuns: 2_000, examples: [[TWO_VOLUMES_FOR_ONE_CLAIM]] },
    );
  });
});
