import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, describe, expect, it } from "vitest";
import type { Store } from "../../ports/store.ts";
import { openLmdbStore } from "./lmdb-store.ts";

/** Kills of the writer; ORLOP_CRASH_ROUNDS=500 for a long run. */
const ROUNDS = Number(process.env["ORLOP_CRASH_ROUNDS"] ?? 200);
/** Writers running next to each other, to hide the time a process takes to start. */
const LANES = 2;

const root = join(import.meta.dirname, "../../..");

describe("openLmdbStore() after kill -9", () => {
  const directories: string[] = [];
  afterAll(async () => {
    for (const directory of directories) await rm(directory, { recursive: true });
  });

  it(`loses no acknowledged write and tears none, ${ROUNDS} times`, { timeout: 20_000 + ROUNDS * 2_000 }, async ({
    signal,
  }) => {
    const writer = await bundleWriter(directories);
    let left = ROUNDS;
    let acknowledged = 0;
    const lane = async (): Promise<void> => {
      const parent = await mkdtemp(join(tmpdir(), "orlop-crash-"));
      directories.push(parent);
      const directory = join(parent, "store");
      let revision = 0;
      while (left > 0 && !signal.aborted) {
        left -= 1;
        const seen = await writeUntilKilled(writer, directory);
        acknowledged += seen.count;
        if (seen.opened !== undefined) expect(seen.opened).toBe(revision);
        const store = await openLmdbStore({ directory });
        try {
          revision = verify(store, seen.last, revision);
        } finally {
          await store.close();
        }
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    expect(acknowledged).toBeGreaterThan(ROUNDS);
  });
});

interface Seen {
  /** Revision the writer found; absent when it was killed before it said so. */
  readonly opened?: number;
  /** Highest acknowledged revision of each writer. */
  readonly last: ReadonlyMap<string, number>;
  readonly count: number;
}

/** One plain file, as starting a process a few hundred times should not compile TypeScript each time. */
async function bundleWriter(directories: string[]): Promise<string> {
  const cache = join(root, ".cache");
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(cache, "crash-writer-"));
  directories.push(directory);
  const outfile = join(directory, "writer.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "crash-writer.fixture.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["lmdb"],
    logLevel: "silent",
  });
  return outfile;
}

/** Lets a writer work until a random number of writes was acknowledged (or now and then a random time passed), then kills it. */
async function writeUntilKilled(writer: string, directory: string): Promise<Seen> {
  const child = spawn(process.execPath, [writer, directory], { stdio: ["ignore", "pipe", "pipe"] });
  const kill = (): boolean => child.kill("SIGKILL");
  const killAfterLines = 1 + Math.floor(Math.random() * 100);
  const timer = Math.random() < 0.2 ? setTimeout(kill, 40 + Math.random() * 150) : undefined;
  let text = "";
  let lines = 0;
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    lines += chunk.toString().split("\n").length - 1;
    if (lines > killAfterLines) kill();
  });
  await once(child, "close");
  clearTimeout(timer);
  expect(errors).toBe("");
  const said = text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .slice(0, -1);
  const opened = said.shift();
  const last = new Map<string, number>();
  for (const line of said) {
    const [name = "", revision = ""] = line.split(" ");
    last.set(name, Number(revision));
  }
  return { ...(opened !== undefined && { opened: Number(opened.replace("open ", "")) }), last, count: said.length };
}

/** @returns the revision found */
function verify(store: Store, last: ReadonlyMap<string, number>, before: number): number {
  const values = new Map([...store.load()].map((entry) => [entry.key, entry]));
  const highest = Math.max(before, ...last.values());
  expect(store.revision()).toBeGreaterThanOrEqual(highest);
  for (const [name, revision] of last) {
    const left = values.get(`/writer/${name}/left`);
    const right = values.get(`/writer/${name}/right`);
    expect(left?.revision).toBeGreaterThanOrEqual(revision);
    expect(right).toEqual({ ...left, key: `/writer/${name}/right` });
  }
  for (const { key, value, revision } of values.values()) {
    expect(revision, key).toBeLessThanOrEqual(store.revision());
    expect(new TextDecoder().decode(value.subarray(0, 20)), key).toMatch(new RegExp(`^${revision}:`));
  }
  return store.revision();
}
