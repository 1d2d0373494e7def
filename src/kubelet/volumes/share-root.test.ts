import { describe, expect, it } from "vitest";
import { createMemoryMounts } from "../../adapters/memory/mounts.ts";
import type { MountEntry } from "../../ports/host-mounts.ts";
import type { Log } from "../../ports/log.ts";
import { quietLog } from "../../testing/quiet.ts";
import { shareRoot } from "./share-root.ts";

const ROOT = "/var/lib/kubelet";
const signal = new AbortController().signal;

function entry(target: string, shared: boolean): MountEntry {
  const rest = {
    id: 1,
    parentId: 0,
    device: "8:1",
    root: "/",
    options: ["rw"],
    filesystem: "ext4",
    source: "/dev/sda",
  };
  return { ...rest, target, shared, superOptions: ["rw"] };
}

async function shared(...before: readonly MountEntry[]) {
  const mounts = createMemoryMounts();
  mounts.table.push(...before);
  const warnings: unknown[] = [];
  const log: Log = { ...quietLog(), warn: (_, details) => warnings.push(details) };
  await shareRoot({ files: { realPath: async (path) => path }, mounts, log }, ROOT, signal);
  return { made: mounts.table.slice(before.length), warnings };
}

describe("shareRoot()", () => {
  it("leaves a root directory that is shared alone", async () => {
    expect(await shared(entry("/", true))).toEqual({ made: [], warnings: [] });
    expect(await shared(entry("/", false), entry(ROOT, true))).toEqual({ made: [], warnings: [] });
  });

  it.each([
    { name: "the host shares nothing", before: [entry("/", false)] },
    { name: "it is a private mount of its own", before: [entry("/", true), entry(ROOT, false)] },
    { name: "only a directory of a similar name is shared", before: [entry("/", false), entry(`${ROOT}-old`, true)] },
  ])("mounts it on itself, shared, where $name", async ({ before }) => {
    const { made, warnings } = await shared(...before);
    expect(made).toMatchObject([{ target: ROOT, shared: true }]);
    expect(warnings).toEqual([]);
  });

  it("hides no mount that is there already, and says what that means", async () => {
    const { made, warnings } = await shared(entry("/", false), entry(`${ROOT}/pods/a/volumes/v`, false));
    expect(made).toEqual([]);
    expect(warnings).toMatchObject([{ root: ROOT, error: expect.stringContaining("mounts below it already (1)") }]);
  });
});
