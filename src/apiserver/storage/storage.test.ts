import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../adapters/memory/store.ts";
import type { Store } from "../../ports/store.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { createStorage } from "./storage.ts";
import type { Storage } from "./storage.ts";

const PODS = { group: "", resource: "pods" };

async function put(storage: Storage, key: string, value: string, name = PODS): Promise<number> {
  const result = await storage.write(name, key, () => ({ type: "put", object: { metadata: { name: key }, value } }));
  return result.entry?.revision ?? 0;
}

async function remove(storage: Storage, key: string): Promise<void> {
  await storage.write(PODS, key, (current) =>
    current === undefined ? { type: "keep" } : { type: "delete", object: current.object },
  );
}

type Snapshot = ReadonlyMap<string, string>;

function snapshotOf(storage: Storage, revision?: number): Snapshot | undefined {
  const listed = storage.collection(PODS).list({ prefix: "" }, revision);
  return listed && new Map(listed.entries.map(({ key, object }) => [key, String(object["value"])]));
}

const command = fc.record({
  key: fc.constantFrom("a/1", "a/2", "a-b/1", "b/1", "b/2"),
  value: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
});

describe("storage", () => {
  it("shows every revision in its window as it was, and watches lead from one to another", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { maxLength: 40 }),
        fc.integer({ min: 1, max: 50 }),
        async (commands, window) => {
          const storage = createStorage(
            { store: createMemoryStore(), clock: createFakeClock() },
            { history: { maxChanges: window } },
          );
          storage.load();
          const states = new Map<number, Snapshot>([[0, new Map()]]);
          const model = new Map<string, string>();
          for (const { key, value } of commands) {
            if (value === undefined) await remove(storage, key);
            else await put(storage, key, value);
            if (value === undefined) model.delete(key);
            else model.set(key, value);
            states.set(storage.revision(), new Map(model));
          }
          const { history } = storage.collection(PODS);
          for (const [revision, state] of states) {
            const seen = snapshotOf(storage, revision);
            const start = history.positionAfter(revision);
            expect(seen === undefined).toBe(start === undefined);
            if (seen === undefined || start === undefined) {
              expect(revision).toBeLessThan(history.compactedRevision);
              continue;
            }
            expect(seen).toEqual(state);
            const followed = new Map(seen);
            let last = revision;
            for (let position = start; position < history.end; position++) {
              const change = history.at(position);
              if (change === undefined) throw new Error("a change inside the window is gone");
              expect(change.revision).toBeGreaterThan(last);
              last = change.revision;
              if (change.type === "deleted") followed.delete(change.entry.key);
              else followed.set(change.entry.key, String(change.entry.object["value"]));
            }
            expect(followed).toEqual(model);
          }
        },
      ),
    );
  });

  it("pages through what a full list shows, in the same order", async () => {
    const storage = createStorage({ store: createMemoryStore(), clock: createFakeClock() });
    storage.load();
    for (const key of ["b/1", "a-b/1", "a/2", "c/1", "a/1"]) await put(storage, key, key);
    const collection = storage.collection(PODS);
    const all = collection.list({ prefix: "" })?.entries.map(({ key }) => key);
    expect(all).toEqual(["a-b/1", "a/1", "a/2", "b/1", "c/1"]);
    const paged: string[] = [];
    let after: string | undefined;
    do {
      const page = collection.list({ prefix: "", limit: 2, ...(after !== undefined && { after }) });
      paged.push(...(page?.entries.map(({ key }) => key) ?? []));
      after = page?.last;
    } while (after !== undefined);
    expect(paged).toEqual(all);
    expect(collection.list({ prefix: "a/" })?.entries.map(({ key }) => key)).toEqual(["a/1", "a/2"]);
    expect(collection.list({ prefix: "", limit: 2 })?.remaining).toBe(3);
  });

  it("shows nothing before it is durable, and changes in revision order whatever order the disk answers in", async () => {
    const held: (() => void)[] = [];
    const memory = createMemoryStore();
    const store: Store = {
      ...memory,
      commit: (mutations) => new Promise((resolve) => held.push(() => void memory.commit(mutations).then(resolve))),
    };
    const storage = createStorage({ store, clock: createFakeClock() });
    storage.load();
    const seen: number[] = [];
    storage.collection(PODS).observe(({ revision }) => seen.push(revision));
    const writes = [put(storage, "a/1", "x"), put(storage, "a/2", "y"), put(storage, "a/3", "z")];
    await Promise.resolve();
    expect(storage.revision()).toBe(0);
    expect(snapshotOf(storage)).toEqual(new Map());
    for (const release of held.toReversed()) release();
    expect(await Promise.all(writes)).toEqual([1, 2, 3]);
    expect(seen).toEqual([1, 2, 3]);
  });

  it("forgets a write that the disk refused, and goes on", async () => {
    const memory = createMemoryStore();
    let full = true;
    const store: Store = {
      ...memory,
      commit: (mutations) => (full ? Promise.reject(new Error("no space left")) : memory.commit(mutations)),
    };
    const storage = createStorage({ store, clock: createFakeClock() });
    storage.load();
    await expect(put(storage, "a/1", "lost")).rejects.toThrow("no space left");
    expect(snapshotOf(storage)).toEqual(new Map());
    full = false;
    await put(storage, "a/1", "kept");
    expect(snapshotOf(storage)).toEqual(new Map([["a/1", "kept"]]));
  });

  it("lets writers of one key follow each other, each deciding on the newest version", async () => {
    const storage = createStorage({ store: createMemoryStore(), clock: createFakeClock() });
    storage.load();
    const increment = (): Promise<unknown> =>
      storage.write(PODS, "a/counter", async (current) => {
        const count = Number(current?.object["value"] ?? 0);
        await Promise.resolve();
        return { type: "put", object: { value: count + 1 } };
      });
    await Promise.all(Array.from({ length: 50 }, increment));
    expect(snapshotOf(storage)).toEqual(new Map([["a/counter", "50"]]));
  });

  it("reads everything back after a restart, with the revision going on", async () => {
    const store = createMemoryStore();
    const before = createStorage({ store, clock: createFakeClock() });
    before.load();
    await put(before, "a/1", "x");
    await put(before, "n", "y", { group: "rbac.authorization.k8s.io", resource: "clusterroles" });
    await put(before, "a/2", "gone");
    await remove(before, "a/2");

    const after = createStorage({ store, clock: createFakeClock() });
    const announced: string[] = [];
    after.collection(PODS).observe(({ type, entry }) => announced.push(`${type} ${entry.key}`));
    after.load();
    expect(announced).toEqual(["added a/1"]);
    expect(after.revision()).toBe(before.revision());
    expect(snapshotOf(after)).toEqual(new Map([["a/1", "x"]]));
    expect(after.collection(PODS).get("a/1")?.object.metadata?.resourceVersion).toBe("1");
    // What happened before the restart is not known any more.
    expect(after.collection(PODS).history.positionAfter(before.revision() - 1)).toBeUndefined();
    expect(after.collection(PODS).history.positionAfter(before.revision())).toBeDefined();
    expect(await put(after, "a/3", "z")).toBeGreaterThan(before.revision());
  });

  it("forgets changes that are too old", async () => {
    const clock = createFakeClock();
    const storage = createStorage({ store: createMemoryStore(), clock }, { history: { maxAgeMs: 1_000 } });
    storage.load();
    await put(storage, "a/1", "x");
    await clock.advance(2_000);
    await put(storage, "a/2", "y");
    storage.expire();
    expect(snapshotOf(storage, 0)).toBeUndefined();
    expect(snapshotOf(storage, 1)).toEqual(new Map([["a/1", "x"]]));
  });

  it("gives out objects nobody can change", async () => {
    const storage = createStorage({ store: createMemoryStore(), clock: createFakeClock() });
    storage.load();
    await put(storage, "a/1", "x");
    const object = storage.collection(PODS).get("a/1")?.object;
    expect(Object.isFrozen(object?.metadata)).toBe(true);
  });
});
