import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterAll, describe, expect, it } from "vitest";
import { storeConformance } from "../../ports/store.conformance.ts";
import type { Mutation, Store } from "../../ports/store.ts";
import { openLmdbStore } from "./lmdb-store.ts";

const directories: string[] = [];
async function fresh(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "orlop-store-"));
  directories.push(directory);
  return join(directory, "store");
}
afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true });
});

let last = "";
storeConformance("lmdb", {
  async create() {
    last = await fresh();
    return openLmdbStore({ directory: last });
  },
  reopen: () => openLmdbStore({ directory: last }),
});

describe("openLmdbStore()", () => {
  it("refuses to open twice, and opens again after a close", async () => {
    const directory = await fresh();
    const store = await openLmdbStore({ directory });
    await expect(openLmdbStore({ directory })).rejects.toMatchObject({
      code: "Conflict",
      message: expect.stringContaining(`by process ${process.pid}`),
    });
    await store.close();
    await (await openLmdbStore({ directory })).close();
  });

  it("refuses data of a newer version in one sentence", async () => {
    const directory = await fresh();
    await (await openLmdbStore({ directory })).close();
    const raw = open<Buffer, Buffer>({
      path: join(directory, "store.mdb"),
      noSubdir: true,
      encoding: "binary",
      keyEncoding: "binary",
      useVersions: true,
      overlappingSync: false,
    });
    await raw.put(Buffer.from("\0format"), Buffer.from("2"), 0);
    await raw.close();
    await expect(openLmdbStore({ directory })).rejects.toMatchObject({
      code: "Unsupported",
      message: expect.stringMatching(/format 2, written by a newer version of Orlop, and this version reads format 1/),
    });
  });

  it("refuses a file that is no database", async () => {
    const directory = await fresh();
    await (await openLmdbStore({ directory })).close();
    await writeFile(join(directory, "store.mdb"), "x".repeat(10_000));
    await expect(openLmdbStore({ directory })).rejects.toMatchObject({ code: "Invalid" });
  });

  it("keeps directory and files to their owner", async () => {
    const directory = await fresh();
    const store = await openLmdbStore({ directory });
    const modes = await Promise.all(
      ["", ...(await readdir(directory))].map(async (name) => (await stat(join(directory, name))).mode & 0o777),
    );
    await store.close();
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600]);
  });

  it("refuses to open when there is no space", async () => {
    const directory = await fresh();
    await expect(openLmdbStore({ directory, minimumFreeBytes: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject({
      code: "ResourceExhausted",
      message: expect.stringContaining("make room on that disk"),
    });
  });
});

const asRoot = process.getuid?.() === 0;
if (!asRoot) process.stderr.write("skipped: tests on a full disk mount a tmpfs and need root\n");

describe.skipIf(!asRoot)("openLmdbStore() on a full disk", () => {
  const onSmallDisk = async (
    minimumFreeBytes: number,
    body: (store: Store, directory: string) => Promise<void>,
  ): Promise<void> => {
    const directory = await fresh();
    await mkdir(directory);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", directory]);
    try {
      const store = await openLmdbStore({ directory, minimumFreeBytes });
      await body(store, directory).finally(() => store.close());
    } finally {
      execFileSync("umount", [directory]);
    }
  };
  const put = (n: number): readonly Mutation[] => [
    { type: "put", key: `/${n}/left`, value: new Uint8Array(20_000).fill(n), revision: n },
    { type: "put", key: `/${n}/right`, value: new Uint8Array(20_000).fill(n), revision: n },
  ];
  /** Writes until it is refused. */
  const fill = async (store: Store): Promise<{ readonly written: number; readonly failure: unknown }> => {
    for (let n = 1; n < 1_000; n++) {
      const failure = await store.commit(put(n)).catch((reason: unknown) => reason);
      if (failure !== undefined) return { written: n - 1, failure };
    }
    throw new Error("the disk never became full");
  };

  it("refuses writes, not deletes, and goes on once there is space", async () => {
    await onSmallDisk(3 * 2 ** 20, async (store, directory) => {
      const ballast = join(directory, "ballast");
      await writeFile(ballast, new Uint8Array(1_000_000));
      const { written, failure } = await fill(store);
      expect(failure).toMatchObject({ code: "ResourceExhausted" });
      expect([...store.load()]).toHaveLength(2 * written);
      await store.commit([{ type: "delete", key: "/1/left", revision: 2_000 }]);
      await rm(ballast);
      await store.commit(put(2_001));
      expect(store.revision()).toBe(2_001);
    });
  });

  it("tears nothing and recovers when the disk itself refuses", async () => {
    await onSmallDisk(0, async (store, directory) => {
      const ballast = join(directory, "ballast");
      await writeFile(ballast, new Uint8Array(1_000_000));
      const { written, failure } = await fill(store);
      expect(failure).toMatchObject({ name: "OrlopError" });
      const kept = [...store.load()];
      expect(kept).toHaveLength(2 * written);
      expect(kept.every(({ value, revision }) => value.every((byte) => byte === revision % 256))).toBe(true);
      await rm(ballast);
      await store.commit(put(2_001));
      expect([...store.load()]).toHaveLength(2 * written + 2);
    });
  });
});
