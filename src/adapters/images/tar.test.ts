import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderEntries, type TarEntry, writeTar } from "./tar.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orlop-tar-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function bytes(entries: AsyncIterable<TarEntry> | Iterable<TarEntry>): Promise<Buffer> {
  return Buffer.concat(await Readable.from(writeTar(entries)).toArray());
}

describe("writeTar()", () => {
  it("writes what tar(1) reads back, whatever the length of names and contents", async () => {
    const file = fc.record({
      parts: fc.array(fc.stringMatching(/^[a-z0-9]{1,60}$/), { minLength: 1, maxLength: 6 }),
      body: fc.uint8Array({ maxLength: 1_500 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(file, { maxLength: 5 }), async (files) => {
        const work = mkdtempSync(join(folder, "case-"));
        const wanted = new Map(files.map(({ parts, body }, at) => [[`f${at}`, ...parts].join("/"), body]));
        const entries = [...wanted].map(([path, body]): TarEntry => {
          const content = Readable.from([Buffer.from(body)]);
          return { type: "file", path, mode: 0o640, size: body.length, content };
        });
        execFileSync("tar", ["-x", "-C", work], { input: await bytes(entries) });
        for (const [path, body] of wanted) {
          expect(readFileSync(join(work, path))).toEqual(Buffer.from(body));
          expect(statSync(join(work, path)).mode & 0o777).toBe(0o640);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("keeps long link targets and owners", async () => {
    const target = `/${"deep/".repeat(40)}end`;
    const archive = await bytes([
      { type: "link", path: "link", mode: 0o777, target },
      { type: "folder", path: "home", mode: 0o755, uid: 100, gid: 101 },
    ]);
    const listing = execFileSync("tar", ["-tv", "--numeric-owner"], { input: archive }).toString();
    expect(listing).toContain(`link -> ${target}`);
    expect(listing).toMatch(/drwxr-xr-x 100\/101 .* home\//);
  });

  it("refuses a file that is not as long as announced", async () => {
    const content = Readable.from([Buffer.from("four")]);
    await expect(bytes([{ type: "file", path: "f", mode: 0o644, size: 5, content }])).rejects.toThrow(RangeError);
  });
});

describe("folderEntries()", () => {
  it("gives the same bytes for the same tree, whenever it was made", async () => {
    mkdirSync(join(folder, "sub"), { mode: 0o750 });
    writeFileSync(join(folder, "sub", "b"), "b");
    writeFileSync(join(folder, "a"), "a", { mode: 0o755 });
    symlinkSync("a", join(folder, "link"));
    const first = await bytes(folderEntries(folder));
    writeFileSync(join(folder, "a"), "a");
    expect(await bytes(folderEntries(folder))).toEqual(first);
    const copy = mkdtempSync(join(tmpdir(), "orlop-tar-"));
    try {
      execFileSync("tar", ["-x", "-C", copy], { input: first });
      expect(readlinkSync(join(copy, "link"))).toBe("a");
      expect(statSync(join(copy, "sub")).mode & 0o777).toBe(0o750);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });
});
