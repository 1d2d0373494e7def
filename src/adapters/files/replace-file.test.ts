import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { replaceFile } from "./replace-file.ts";

describe("replacing a file", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "orlop-replace-"));
    path = join(directory, "f");
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it.each([{ durable: true }, {}])(
    "gives it the contents and exactly the mode, and leaves nothing else: %o",
    async (options) => {
      await writeFile(path, "old");
      await chmod(path, 0o600);
      await replaceFile(path, "new", { mode: 0o666, ...options });
      expect(await readFile(path, "utf8")).toBe("new");
      expect((await stat(path)).mode & 0o7777).toBe(0o666);
      expect(await readdir(directory)).toEqual(["f"]);
    },
  );

  it("never changes what somebody else holds open under the old name", async () => {
    await writeFile(path, "old");
    await link(path, join(directory, "held"));
    await replaceFile(path, "new", { mode: 0o600 });
    expect(await readFile(join(directory, "held"), "utf8")).toBe("old");
  });

  it("leaves things as they were when it can not", async () => {
    await mkdir(join(path, "full"), { recursive: true });
    await expect(replaceFile(path, "new", { mode: 0o600 })).rejects.toMatchObject({ code: "EISDIR" });
    expect(await readdir(directory)).toEqual(["f"]);
    await expect(replaceFile(join(directory, "absent/f"), "new", { mode: 0o600 })).rejects.toMatchObject({
      code: "ENOENT",
    });
  });
});
