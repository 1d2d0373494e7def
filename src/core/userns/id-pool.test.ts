import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkIdsPerPod, checkPool, createIdPool, defaultPool, type IdRange, type PoolGeometry } from "./id-pool.ts";

const BLOCK = 65536;

function pool(blocks: number, idsPerPod = BLOCK): PoolGeometry {
  return { firstId: idsPerPod, length: blocks * idsPerPod, idsPerPod, blocks };
}

describe("checkIdsPerPod()", () => {
  it.each([
    [0, "userNamespaces.idsPerPod must not be less than 65536"],
    [-65536, "userNamespaces.idsPerPod must not be less than 65536"],
    [65535, "userNamespaces.idsPerPod must not be less than 65536"],
    [65537, "userNamespaces.idsPerPod must be a multiple of 65536"],
    [2 ** 32, "userNamespaces.idsPerPod must not be more than 4294967295"],
  ])("refuses %d", (value, reason) => {
    expect(checkIdsPerPod(value)).toEqual({ ok: false, reason });
  });

  it("accepts multiples of a block", () => {
    expect(checkIdsPerPod(BLOCK * 3)).toEqual({ ok: true, value: BLOCK * 3 });
  });
});

describe("checkPool()", () => {
  it.each<[string, IdRange, number, number, string]>([
    [
      "idsPerPod",
      { firstId: BLOCK, length: BLOCK },
      65537,
      1,
      "kubelet user namespace length 65537 is not a multiple of 65536",
    ],
    [
      "first ID",
      { firstId: BLOCK + 1, length: BLOCK },
      BLOCK,
      1,
      "kubelet user assigned ID 65537 is not a multiple of 65536",
    ],
    [
      "host root",
      { firstId: 0, length: BLOCK },
      BLOCK,
      1,
      "kubelet user assigned ID 0 must be greater or equal to 65536",
    ],
    [
      "length",
      { firstId: BLOCK, length: BLOCK + 1 },
      BLOCK,
      1,
      "kubelet user assigned IDs length 65537 is not a multiple of 65536",
    ],
    [
      "pods",
      { firstId: BLOCK, length: BLOCK * 109 },
      BLOCK,
      110,
      "kubelet user assigned IDs are not enough to support 110 pods",
    ],
  ])("refuses a wrong %s with upstream's words", (_what, range, idsPerPod, maxPods, reason) => {
    expect(checkPool(range, idsPerPod, maxPods)).toEqual({ ok: false, reason });
  });

  it.each([
    { firstId: 65536, length: 4294901760 },
    { firstId: 327680, length: 4294836224 },
  ])("refuses $firstId+$length, whose end no kernel maps", (range) => {
    expect(checkPool(range, BLOCK, 110)).toMatchObject({
      ok: false,
      reason: expect.stringContaining("must end below 4294967295"),
    });
  });

  it("accepts the default pool, which has no terminal block", () => {
    const checked = checkPool(defaultPool(BLOCK), BLOCK, 110);
    expect(checked).toEqual({
      ok: true,
      value: { firstId: 65536, length: 65534 * BLOCK, idsPerPod: BLOCK, blocks: 65534 },
    });
  });

  it("accepts the smallest delegation for 110 pods", () => {
    expect(checkPool({ firstId: BLOCK, length: 7208960 }, BLOCK, 110).ok).toBe(true);
  });
});

describe("createIdPool()", () => {
  it("starts at the random block and wraps around", () => {
    const ids = createIdPool(pool(3));
    expect(ids.allocate("a", 0.99)).toMatchObject({ outcome: "allocated", range: { firstId: BLOCK * 3 } });
    expect(ids.allocate("b", 0.99)).toMatchObject({ range: { firstId: BLOCK } });
    expect(ids.allocate("c", 0)).toMatchObject({ range: { firstId: BLOCK * 2 } });
    expect(ids.allocate("d", 0.5)).toEqual({
      outcome: "exhausted",
      reason: "could not find an empty slot to allocate a user namespace",
    });
    expect(ids.allocate("a", 0.1)).toMatchObject({ outcome: "kept", range: { firstId: BLOCK * 3 } });
  });

  it("works with a pool of one block", () => {
    const ids = createIdPool(pool(1));
    expect(ids.allocate("a", 0.7)).toMatchObject({ range: { firstId: BLOCK } });
    ids.release("a");
    expect(ids.allocate("b", 0.2)).toMatchObject({ range: { firstId: BLOCK } });
  });

  it("record() says why a range can not be taken over", () => {
    const ids = createIdPool(pool(4));
    for (const length of [0, 1, BLOCK - 1, BLOCK + 1]) {
      expect(ids.record("a", { firstId: BLOCK, length })).toEqual({
        ok: false,
        reason: `wrong user namespace length ${length}`,
      });
    }
    expect(ids.record("a", { firstId: BLOCK + 1, length: BLOCK })).toEqual({
      ok: false,
      reason: "wrong user namespace offset specified 65537",
    });
    expect(ids.record("a", { firstId: BLOCK * 9, length: BLOCK })).toEqual({
      ok: false,
      reason: `id ${BLOCK * 9} is out of range`,
    });
    expect(ids.record("a", { firstId: BLOCK * 2, length: BLOCK }).ok).toBe(true);
    expect(ids.record("a", { firstId: BLOCK * 2, length: BLOCK }).ok).toBe(true);
    expect(ids.record("a", { firstId: BLOCK * 3, length: BLOCK })).toEqual({
      ok: false,
      reason: `different user namespace range already used by pod "a"`,
    });
    expect(ids.record("b", { firstId: BLOCK * 2, length: BLOCK })).toEqual({
      ok: false,
      reason: `range picked for pod "b" already taken`,
    });
  });

  it("takes over ranges of another length, given before the configuration changed, and never hands out their IDs", () => {
    const ids = createIdPool(pool(3, BLOCK * 2));
    // Two small pods may lie in what is one block now.
    expect(ids.record("a", { firstId: BLOCK * 2, length: BLOCK }).ok).toBe(true);
    expect(ids.record("b", { firstId: BLOCK * 3, length: BLOCK }).ok).toBe(true);
    expect(ids.record("c", { firstId: BLOCK * 3, length: BLOCK })).toMatchObject({
      reason: expect.stringContaining("taken"),
    });
    expect(ids.record("d", { firstId: BLOCK, length: BLOCK })).toMatchObject({
      reason: expect.stringContaining("out of range"),
    });
    expect(ids.record("e", { firstId: BLOCK * 7, length: BLOCK * 2 })).toMatchObject({
      reason: expect.stringContaining("wrong user namespace offset"),
    });
    expect(ids.rangeOf("b")).toEqual({ firstId: BLOCK * 3, length: BLOCK });
    expect(ids.counts()).toEqual({ used: 1, reserved: 0, free: 2 });
    expect(ids.allocate("n", 0)).toMatchObject({ range: { firstId: BLOCK * 4, length: BLOCK * 2 } });
    ids.release("a");
    expect(ids.counts()).toMatchObject({ used: 2, free: 1 });
    ids.release("b");
    expect(ids.allocate("m", 0)).toMatchObject({ range: { firstId: BLOCK * 2, length: BLOCK * 2 } });
  });

  it("takes over a long range across blocks that are shorter now", () => {
    const ids = createIdPool(pool(4));
    expect(ids.record("long", { firstId: BLOCK * 2, length: BLOCK * 2 }).ok).toBe(true);
    expect(ids.record("beyond", { firstId: BLOCK * 4, length: BLOCK * 2 })).toMatchObject({ ok: false });
    expect(ids.allocate("a", 0.3)).toMatchObject({ range: { firstId: BLOCK * 4 } });
    expect(ids.allocate("b", 0)).toMatchObject({ range: { firstId: BLOCK } });
    expect(ids.allocate("c", 0).outcome).toBe("exhausted");
  });

  it("never hands out reserved blocks, also for ranges that cross the pool's ends", () => {
    const ids = createIdPool(pool(4));
    ids.reserve("x", { firstId: 0, length: BLOCK + 1 });
    ids.reserve("y", { firstId: BLOCK * 4 + 5, length: BLOCK * 100 });
    expect(ids.counts()).toEqual({ used: 0, reserved: 2, free: 2 });
    expect(ids.allocate("a", 0)).toMatchObject({ range: { firstId: BLOCK * 2 } });
    expect(ids.allocate("b", 0)).toMatchObject({ range: { firstId: BLOCK * 3 } });
    expect(ids.allocate("c", 0).outcome).toBe("exhausted");
    ids.release("x");
    expect(ids.allocate("c", 0)).toMatchObject({ range: { firstId: BLOCK } });
  });

  it("keeps a block that a pod holds when a damaged file that claimed it too is gone", () => {
    const ids = createIdPool(pool(1));
    ids.record("a", { firstId: BLOCK, length: BLOCK });
    ids.reserve("damaged", { firstId: BLOCK, length: BLOCK });
    ids.release("damaged");
    expect(ids.allocate("b", 0).outcome).toBe("exhausted");
    expect(ids.counts()).toEqual({ used: 1, reserved: 0, free: 0 });
  });

  it("keeps its promises over random histories of allocate, crash, restore, reserve and release", () => {
    const operation = fc.oneof(
      fc.record({
        do: fc.constant("allocate" as const),
        pod: fc.nat(11),
        fraction: fc.double({ min: 0, max: 0.999999, noNaN: true }),
      }),
      fc.record({ do: fc.constant("release" as const), pod: fc.nat(11) }),
      fc.record({ do: fc.constant("reserve" as const), block: fc.nat(9) }),
      fc.record({ do: fc.constant("crash" as const) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const geometry = pool(8);
        let ids = createIdPool(geometry);
        const disk = new Map<string, IdRange>();
        const reserved = new Map<string, IdRange>();
        for (const step of operations) {
          if (step.do === "allocate") {
            const uid = `pod-${step.pod}`;
            const outcome = ids.allocate(uid, step.fraction);
            if (outcome.outcome === "exhausted") {
              expect(ids.counts().free).toBe(0);
              continue;
            }
            if (disk.has(uid)) expect(outcome.range).toEqual(disk.get(uid));
            disk.set(uid, outcome.range);
          } else if (step.do === "release") {
            ids.release(`pod-${step.pod}`);
            disk.delete(`pod-${step.pod}`);
          } else if (step.do === "reserve") {
            const range = { firstId: step.block * BLOCK, length: BLOCK };
            if ([...disk.values()].some(({ firstId }) => firstId === range.firstId)) continue;
            if (reserved.has(`damaged-${step.block}`)) continue;
            ids.reserve(`damaged-${step.block}`, range);
            reserved.set(`damaged-${step.block}`, range);
          } else {
            ids = createIdPool(geometry);
            for (const [uid, range] of disk) expect(ids.record(uid, range).ok).toBe(true);
            for (const [uid, range] of reserved) ids.reserve(uid, range);
          }
          const ranges = [...disk.values()];
          expect(new Set(ranges.map(({ firstId }) => firstId)).size).toBe(ranges.length);
          for (const { firstId, length } of ranges) {
            expect(firstId).toBeGreaterThanOrEqual(geometry.firstId);
            expect(firstId + length).toBeLessThanOrEqual(geometry.firstId + geometry.length);
            expect([...reserved.values()].some((range) => range.firstId === firstId)).toBe(false);
          }
          const { used, free, reserved: held } = ids.counts();
          expect(used).toBe(disk.size);
          expect(used + free + held).toBe(geometry.blocks);
        }
      }),
    );
  });
});
