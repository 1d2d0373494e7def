// Run by the crash test: writes batches as fast as they are acknowledged and says which ones were, until it is killed.
import { createWriteStream } from "node:fs";
import { openLmdbStore } from "./lmdb-store.ts";

const directory = process.argv[2] ?? "";
// A pipe is non-blocking, and a line must be out before the next write begins: wait for each.
const output = createWriteStream("", { fd: 1 });
const say = (line: string): Promise<void> =>
  new Promise((resolve) => {
    output.write(line, () => resolve());
  });

const store = await openLmdbStore({ directory });
let revision = store.revision();
await say(`open ${revision}\n`);

/** Each writer keeps its pair of entries equal: a torn batch would show. */
async function write(writer: number): Promise<never> {
  for (;;) {
    revision += 1;
    const mine = revision;
    const value = new TextEncoder().encode(`${mine}:`.padEnd(50 + ((mine * 7) % 3_000), "x"));
    await store.commit([
      { type: "put", key: `/writer/${writer}/left`, value, revision: mine },
      { type: "put", key: `/writer/${writer}/right`, value, revision: mine },
      { type: "put", key: `/log/${writer}/${mine % 50}`, value, revision: mine },
      { type: "delete", key: `/log/${writer}/${(mine + 25) % 50}`, revision: mine },
    ]);
    await say(`${writer} ${mine}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
