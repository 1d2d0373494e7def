import { mkdir, mkdtemp, readFile, readdir, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLinuxMounts } from "./mounts.ts";
import { createLinuxSubpaths } from "./subpaths.ts";

const ROOT = process.getuid?.() === 0;
const { signal } = new AbortController();
const mounts = createLinuxMounts();
const subpaths = createLinuxSubpaths(mounts);
let folder = "";
let base = "";

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "orlop-subpath-")));
  base = join(folder, "volume");
  await mkdir(base);
});

afterEach(async () => {
  for (const { target } of (await mounts.list(signal)).toReversed()) {
    if (target.startsWith(`${folder}/`)) await mounts.unmount(target, signal);
  }
  await rm(folder, { recursive: true });
});

describe("makeDirectories()", () => {
  it("creates what is missing with the mode asked for", async () => {
    await subpaths.makeDirectories(base, "a/b/c", 0o770);
    expect((await stat(join(base, "a/b/c"))).mode & 0o777).toBe(0o770);
    await subpaths.makeDirectories(base, "a/b/c", 0o700);
    expect((await stat(join(base, "a/b/c"))).mode & 0o777).toBe(0o770);
  });

  it.each([
    ["..", "../x"],
    ["an absolute link", "out/x"],
    ["a relative link", "up/x"],
    ["a link that leads nowhere", "dangling/x"],
  ])("refuses to leave the volume by %s", async (_, relative) => {
    await mkdir(join(folder, "outside"));
    await symlink(join(folder, "outside"), join(base, "out"));
    await symlink("../outside", join(base, "up"));
    await symlink(join(folder, "nowhere"), join(base, "dangling"));
    await expect(subpaths.makeDirectories(base, relative, 0o755)).rejects.toThrow(
      /not within volume path|leads nowhere/,
    );
    expect(await readdir(join(folder, "outside"))).toEqual([]);
    expect(await readdir(folder)).toEqual(["outside", "volume"]);
  });

  it("follows links that stay inside", async () => {
    await mkdir(join(base, "real"));
    await symlink("real", join(base, "link"));
    await subpaths.makeDirectories(base, "link/x", 0o755);
    expect(await readdir(join(base, "real"))).toEqual(["x"]);
  });
});

describe.skipIf(!ROOT)("bind() (needs root to mount)", () => {
  const target = (): string => join(folder, "pod/volume-subpaths/v/c/0");

  it("binds directories and files, again with no further mount", async () => {
    await mkdir(join(base, "d"));
    await writeFile(join(base, "d/f"), "hello");
    await subpaths.bind(base, "d", target(), signal);
    await subpaths.bind(base, "d", target(), signal);
    expect(await readFile(join(target(), "f"), "utf8")).toBe("hello");
    expect((await mounts.list(signal)).filter((entry) => entry.target === target())).toHaveLength(1);
    const file = `${target()}-file`;
    await subpaths.bind(base, "d/f", file, signal);
    expect(await readFile(file, "utf8")).toBe("hello");
  });

  it("moves the bind when the path leads elsewhere now", async () => {
    await mkdir(join(base, "one"));
    await mkdir(join(base, "two"));
    await writeFile(join(base, "two/f"), "2");
    await symlink("one", join(base, "current"));
    await subpaths.bind(base, "current", target(), signal);
    await rm(join(base, "current"));
    await symlink("two", join(base, "current"));
    await subpaths.bind(base, "current", target(), signal);
    expect(await readdir(target())).toEqual(["f"]);
  });

  it("refuses links out of the volume and tells a missing path", async () => {
    await symlink("/etc", join(base, "etc"));
    await expect(subpaths.bind(base, "etc", target(), signal)).rejects.toThrow("not within volume path");
    await expect(subpaths.bind(base, "etc/passwd", target(), signal)).rejects.toThrow("not within volume path");
    await expect(subpaths.bind(base, "none", target(), signal)).rejects.toThrow("does not exist");
  });
});
