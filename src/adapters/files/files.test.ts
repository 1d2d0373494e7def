import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { filesConformance } from "../../ports/files.conformance.ts";
import { createFiles } from "./files.ts";

const made: string[] = [];
const fresh = async () => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "orlop-files-")));
  made.push(directory);
  return { files: createFiles(), directory };
};

afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true });
});

filesConformance("this host", fresh);

describe("createFiles()", () => {
  it("does not take the umask's word for modes", async () => {
    const { files, directory } = await fresh();
    const before = process.umask(0o077);
    try {
      await files.makeDirectory(`${directory}/d`, 0o2777);
      await files.writeFile(`${directory}/f`, "", 0o666);
      await files.createFile(`${directory}/g`, "", 0o644);
    } finally {
      process.umask(before);
    }
    const modes = await Promise.all(
      ["d", "f", "g"].map(async (name) => (await files.information(`${directory}/${name}`))?.mode),
    );
    expect(modes).toEqual([0o2777, 0o666, 0o644]);
  });

  it("keeps setgid when owner and mode change together", async () => {
    const { files, directory } = await fresh();
    await mkdir(`${directory}/d`);
    await files.setAttributes(`${directory}/d`, { mode: 0o2770, gid: process.getgid?.() ?? 0 });
    expect((await files.information(`${directory}/d`))?.mode).toBe(0o2770);
  });

  it("says what it tried when it fails", async () => {
    const { files, directory } = await fresh();
    await writeFile(`${directory}/f`, "");
    await chmod(`${directory}/f`, 0o644);
    await expect(files.makeDirectory(`${directory}/f`, 0o755)).rejects.toThrow(`cannot make directory ${directory}/f`);
    await expect(files.rename(`${directory}/none`, `${directory}/x`)).rejects.toThrow(/cannot rename .*none/);
  });
});
