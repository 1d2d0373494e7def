import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CurrentContent, DATA_LINK, planAtomicWrite, versionFolderName, type WriteStep } from "./atomic-write.ts";
import { cleanPayload, type FileProjection, parentFolders, type Payload } from "./payload.ts";

/** A volume in memory: what the steps mean. */
interface Disk {
  readonly files: Map<string, Uint8Array>;
  readonly folders: Set<string>;
  readonly links: Map<string, string>;
}

const emptyDisk = (): Disk => ({ files: new Map(), folders: new Set(), links: new Map() });

function perform(disk: Disk, step: WriteStep): void {
  switch (step.do) {
    case "own":
      return;
    case "make-folder":
      disk.folders.add(step.path);
      return;
    case "write-file":
      if (disk.files.has(step.path)) throw new Error(`${step.path} exists`);
      disk.files.set(step.path, step.data);
      return;
    case "link":
      if (disk.links.has(step.path)) throw new Error(`${step.path} exists`);
      disk.links.set(step.path, step.target);
      return;
    case "publish": {
      disk.links.set(step.to, disk.links.get(step.from) ?? "");
      disk.links.delete(step.from);
      return;
    }
    case "remove":
      disk.links.delete(step.path);
      return;
    case "remove-tree":
      for (const path of [...disk.files.keys()]) if (path.startsWith(`${step.path}/`)) disk.files.delete(path);
      for (const path of [...disk.folders])
        if (path === step.path || path.startsWith(`${step.path}/`)) disk.folders.delete(path);
  }
}

function current(disk: Disk): CurrentContent {
  const visible = new Map<string, "link" | "other">();
  for (const name of disk.links.keys()) visible.set(name, "link");
  for (const folder of disk.folders) if (!folder.includes("/")) visible.set(folder, "other");
  const dataTarget = disk.links.get(DATA_LINK);
  const entries = new Map<string, Uint8Array | "folder">();
  if (dataTarget === undefined) return { entries, visible };
  for (const folder of disk.folders)
    if (folder.startsWith(`${dataTarget}/`)) entries.set(folder.slice(dataTarget.length + 1), "folder");
  for (const [path, data] of disk.files)
    if (path.startsWith(`${dataTarget}/`)) entries.set(path.slice(dataTarget.length + 1), data);
  return { dataTarget, entries, visible };
}

/** What a container reads, following the links. */
function read(disk: Disk): ReadonlyMap<string, string> {
  const seen = new Map<string, string>();
  const version = disk.links.get(DATA_LINK) ?? "";
  for (const [path, data] of disk.files) {
    if (!path.startsWith(`${version}/`)) continue;
    const relative = path.slice(version.length + 1);
    if (disk.links.get(relative.split("/")[0] ?? "") === `${DATA_LINK}/${relative.split("/")[0] ?? ""}`) {
      seen.set(relative, new TextDecoder().decode(data));
    }
  }
  return seen;
}

const asText = (payload: Payload): ReadonlyMap<string, string> =>
  new Map([...payload].map(([path, { data }]) => [path, new TextDecoder().decode(data)]));

const payloads = fc
  .array(fc.tuple(fc.constantFrom("a", "b", "c/d", "c/e", "f/g/h", "f/g/i", "a-b"), fc.constantFrom("1", "2", "")), {
    maxLength: 6,
  })
  .map(
    (files): Payload =>
      new Map(
        files.map(([path, text]): [string, FileProjection] => [
          path,
          { data: new TextEncoder().encode(text), mode: 0o644 },
        ]),
      ),
  );

describe("planAtomicWrite()", () => {
  it("brings any volume to any payload, and readers never see a mixture, even when it stops between two steps", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(payloads, fc.nat(20)), { minLength: 1, maxLength: 6 }), (writes) => {
        const disk = emptyDisk();
        let version = 0;
        const next = (): string => `..v${++version}`;
        let published: ReadonlyMap<string, string> = new Map();
        for (const [payload, stopAfter] of writes) {
          const steps = planAtomicWrite(current(disk), payload, next(), undefined);
          for (const step of steps.slice(0, stopAfter)) {
            perform(disk, step);
            if (step.do === "publish") published = asText(payload);
            for (const [path, text] of read(disk)) expect(published.get(path)).toBe(text);
          }
          for (const step of planAtomicWrite(current(disk), payload, next(), undefined)) perform(disk, step);
          published = asText(payload);
          expect(read(disk)).toEqual(published);
          expect(planAtomicWrite(current(disk), payload, next(), undefined)).toEqual([]);
          expect([...disk.folders].filter((folder) => folder.startsWith("..") && !folder.includes("/"))).toEqual([
            disk.links.get(DATA_LINK),
          ]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("publishes before it removes", () => {
    const payload: Payload = new Map([["new", { data: new Uint8Array([1]), mode: 0o400 }]]);
    const steps = planAtomicWrite(
      {
        dataTarget: "..old",
        entries: new Map([["old", new Uint8Array([2])]]),
        visible: new Map([
          ["..old", "other"],
          ["..data", "link"],
          ["old", "link"],
          ["nested", "other"],
        ] as const),
      },
      payload,
      "..fresh",
      { group: 2000, readOnly: true },
    );
    expect(steps.map(({ do: what }) => what)).toEqual([
      "own",
      "make-folder",
      "write-file",
      "link",
      "publish",
      "link",
      "remove",
      "remove-tree",
    ]);
    expect(steps[0]).toMatchObject({ mode: 0o2777, group: 2000 });
    expect(steps[2]).toMatchObject({ path: "..fresh/new", mode: 0o440, group: 2000 });
    expect(steps.at(-1)).toMatchObject({ path: "..old" });
  });
});

describe("versionFolderName()", () => {
  it("begins with dots and the time", () => {
    expect(versionFolderName(Date.UTC(2026, 0, 2, 3, 4, 5), "x1")).toBe("..2026_01_02_03_04_05.x1");
  });
});

describe("cleanPayload()", () => {
  it("never lets a path out of the volume, whatever it looks like", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "..", ".", "", "..a", "b..", "...")), (names) => {
        const path = names.join("/");
        const cleaned = cleanPayload(new Map([[path, { data: new Uint8Array(), mode: 0o644 }]]));
        if (!cleaned.ok) return;
        for (const clean of cleaned.value.keys()) {
          expect(clean.split("/")).not.toContain("..");
          expect(clean.startsWith("/")).toBe(false);
          expect(clean.startsWith("..")).toBe(false);
          expect(parentFolders(clean).every((folder) => clean.startsWith(`${folder}/`))).toBe(true);
        }
      }),
    );
  });

  it("refuses a file that is also a folder", () => {
    const file: FileProjection = { data: new Uint8Array(), mode: 0o644 };
    expect(
      cleanPayload(
        new Map([
          ["a", file],
          ["a/b", file],
        ]),
      ),
    ).toMatchObject({ ok: false });
  });
});
