import { describe, expect, it } from "vitest";
import type { MappingStore } from "./mapping-store.ts";

/** What every MappingStore promises; `create` gives an empty one. */
export function mappingStoreConformance(name: string, create: () => Promise<MappingStore>): void {
  const signal = new AbortController().signal;

  describe(`MappingStore conformance: ${name}`, () => {
    it("pods() of an empty store is empty", async () => {
      expect(await (await create()).pods(signal)).toEqual([]);
    });

    it("read() gives undefined for a pod without a mapping", async () => {
      expect(await (await create()).read("a", signal)).toBeUndefined();
    });

    it("read() gives back what write() wrote last", async () => {
      const store = await create();
      await store.write("a", "one", signal);
      await store.write("a", "two", signal);
      await store.write("b", "three", signal);
      expect(await store.read("a", signal)).toBe("two");
      expect([...(await store.pods(signal))].sort()).toEqual(["a", "b"]);
    });

    it("remove() forgets the mapping and may be repeated", async () => {
      const store = await create();
      await store.write("a", "one", signal);
      await store.remove("a", signal);
      await store.remove("a", signal);
      expect(await store.read("a", signal)).toBeUndefined();
    });

    it("refuses a uid that is no plain file name", async () => {
      const store = await create();
      for (const uid of ["", ".", "..", "a/b", "../../etc"]) {
        await expect(store.write(uid, "x", signal)).rejects.toThrow(/uid/);
        await expect(store.read(uid, signal)).rejects.toThrow(/uid/);
      }
    });
  });
}
