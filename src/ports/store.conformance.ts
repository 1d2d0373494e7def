import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Mutation, Store } from "./store.ts";

export interface StoreSubject {
  /** A new, empty store. */
  create(): Promise<Store>;
  /** Opens again what the store of the last `create` left behind; absent for stores that do not outlive the process. */
  reopen?(): Promise<Store>;
}

/** What every Store must do. */
export function storeConformance(name: string, subject: StoreSubject): void {
  describe(`Store conformance: ${name}`, () => {
    const opened: Store[] = [];
    const create = async (): Promise<Store> => {
      const store = await subject.create();
      opened.push(store);
      return store;
    };
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });

    it("is empty at revision 0 when new", async () => {
      const store = await create();
      expect(store.revision()).toBe(0);
      expect([...store.load()]).toEqual([]);
    });

    it("load() gives what was put, in byte order of the keys, with its revision", async () => {
      const store = await create();
      await store.commit([put("/b", 1), put("/a/\u{1F600}", 1), put("/a/\uFFFD", 1)]);
      await store.commit([put("/a", 2), put("/b", 3, "again")]);
      expect(dump(store)).toEqual(["/a@2=/a", "/a/\uFFFD@1=/a/\uFFFD", "/a/\u{1F600}@1=/a/\u{1F600}", "/b@3=again"]);
      expect(store.revision()).toBe(3);
    });

    it("commit() with a delete removes the entry and moves the revision on", async () => {
      const store = await create();
      await store.commit([put("/a", 1), put("/b", 2)]);
      await store.commit([{ type: "delete", key: "/a", revision: 3 }]);
      await store.commit([{ type: "delete", key: "/never-there", revision: 4 }]);
      expect(dump(store)).toEqual(["/b@2=/b"]);
      expect(store.revision()).toBe(4);
    });

    it("commit() applies the mutations of a batch in order", async () => {
      const store = await create();
      await store.commit([put("/a", 1, "x"), { type: "delete", key: "/a", revision: 2 }, put("/a", 3, "y")]);
      expect(dump(store)).toEqual(["/a@3=y"]);
    });

    it("commit() calls that overlap are applied in call order", async () => {
      const store = await create();
      await Promise.all(Array.from({ length: 100 }, (_, i) => store.commit([put("/a", i + 1, `value ${i}`)])));
      expect(dump(store)).toEqual(["/a@100=value 99"]);
    });

    it("commit() of nothing resolves", async () => {
      const store = await create();
      await store.commit([]);
      expect(store.revision()).toBe(0);
    });

    it("keeps empty, large and binary values", async () => {
      const store = await create();
      const large = new Uint8Array(3 * 2 ** 20).map((_, i) => i % 251);
      await store.commit([
        { type: "put", key: "/empty", value: new Uint8Array(), revision: 1 },
        { type: "put", key: "/large", value: large, revision: 2 },
      ]);
      const values = new Map([...store.load()].map(({ key, value }) => [key, value]));
      expect(values.get("/empty")?.length).toBe(0);
      expect(Buffer.compare(values.get("/large") ?? new Uint8Array(), large)).toBe(0);
    });

    it("takes keys of 1,900 bytes and refuses a NUL", async () => {
      const store = await create();
      const long = `/${"é".repeat(949)}x`;
      await store.commit([put(long, 1)]);
      expect(dump(store)).toHaveLength(1);
      await expect(store.commit([put("/a\0b", 2)])).rejects.toThrow(RangeError);
    });

    it("throws Unavailable once closed", async () => {
      const store = await create();
      await store.close();
      await expect(store.commit([put("/a", 1)])).rejects.toMatchObject({ code: "Unavailable" });
      expect(() => store.revision()).toThrow(expect.objectContaining({ code: "Unavailable" }));
      expect(() => store.load()).toThrow(expect.objectContaining({ code: "Unavailable" }));
    });

    it("close() waits for commits under way", async () => {
      const store = await create();
      const commit = store.commit([put("/a", 1)]);
      await store.close();
      await expect(commit).resolves.toBeUndefined();
    });

    it("holds the same as a plain map, whatever is done to it", async () => {
      const key = fc.constantFrom("/a", "/a/b", "/a-b", "/é", "/z");
      const step = fc.record({ key, value: fc.option(fc.string(), { nil: undefined }) });
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 10 }),
          async (batches) => {
            let store = await subject.create();
            const model = new Map<string, string>();
            let revision = 0;
            const commits = batches.map((batch) =>
              store.commit(
                batch.map((step): Mutation => {
                  revision += 1;
                  if (step.value === undefined) {
                    model.delete(step.key);
                    return { type: "delete", key: step.key, revision };
                  }
                  model.set(step.key, `${step.key}@${revision}=${step.value}`);
                  return put(step.key, revision, step.value);
                }),
              ),
            );
            await Promise.all(commits);
            if (subject.reopen !== undefined) {
              await store.close();
              store = await subject.reopen();
            }
            try {
              expect(dump(store)).toEqual(
                [...model].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map(([, text]) => text),
              );
              expect(store.revision()).toBe(revision);
            } finally {
              await store.close();
            }
          },
        ),
        { numRuns: 20 },
      );
    });
  });
}

function put(key: string, revision: number, text: string = key): Mutation {
  return { type: "put", key, revision, value: new TextEncoder().encode(text) };
}

function dump(store: Store): readonly string[] {
  return [...store.load()].map(({ key, value, revision }) => `${key}@${revision}=${new TextDecoder().decode(value)}`);
}
