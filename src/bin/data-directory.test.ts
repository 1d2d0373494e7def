import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { holdDataDirectory } from "./data-directory.ts";

describe("holdDataDirectory()", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "orlop-data-"));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it("makes it, holds it, and lets go of it", async () => {
    const directory = join(folder, "a", "b");
    const release = await holdDataDirectory(directory);
    expect(await readdir(directory)).toEqual(["layout-version", "orlop.pid"]);
    await release();
    expect(await readdir(directory)).toEqual(["layout-version"]);
  });

  it("takes over from a process that is gone", async () => {
    await writeFile(join(folder, "orlop.pid"), "999999999\n");
    await (await holdDataDirectory(folder))();
  });

  it("refuses what a newer version wrote", async () => {
    await writeFile(join(folder, "layout-version"), "99\n");
    await expect(holdDataDirectory(folder)).rejects.toMatchObject({ code: "Unsupported" });
  });

  it("says where it could not write, and blames nobody's process", async () => {
    await mkdir(join(folder, "layout-version"));
    await expect(holdDataDirectory(folder)).rejects.toMatchObject({
      code: "Unavailable",
      message: expect.stringContaining(`could not write into the data directory ${folder}: EISDIR`),
    });
  });
});
