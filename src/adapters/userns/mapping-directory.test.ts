import { chmod, mkdir, mkdtemp, readdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mappingStoreConformance } from "../../ports/mapping-store.conformance.ts";
import { createMappingDirectory } from "./mapping-directory.ts";

const signal = new AbortController().signal;
const fresh = (): Promise<string> => mkdtemp(join(tmpdir(), "orlop-userns-"));

mappingStoreConformance("directory", async () => createMappingDirectory(join(await fresh(), "pods")));

describe("createMappingDirectory()", () => {
  it("leaves one file with mode 0600 and no remains", async () => {
    const pods = await fresh();
    await createMappingDirectory(pods).write("a", "text", signal);
    expect(await readdir(join(pods, "a"))).toEqual(["userns"]);
    expect((await stat(join(pods, "a", "userns"))).mode & 0o777).toBe(0o600);
  });

  it("tells an empty file from none and skips plain files among the pods", async () => {
    const pods = await fresh();
    await mkdir(join(pods, "a"));
    await writeFile(join(pods, "a", "userns"), "");
    await writeFile(join(pods, "stray"), "");
    const store = createMappingDirectory(pods);
    expect(await store.read("a", signal)).toBe("");
    expect(await store.pods(signal)).toEqual(["a"]);
  });

  it("says it can not tell when the file can not be read", async () => {
    const pods = await fresh();
    await mkdir(join(pods, "a", "userns"), { recursive: true });
    await chmod(pods, 0o755);
    await expect(createMappingDirectory(pods).read("a", signal)).rejects.toThrow(/EISDIR/);
  });

  it("removes whatever is in the mapping's place, and what an interrupted write left", async () => {
    const pods = await fresh();
    await mkdir(join(pods, "a", "userns"), { recursive: true });
    await writeFile(join(pods, "a", ".0123456789ab.tmp"), "half a mapp");
    await writeFile(join(pods, "a", "etc-hosts"), "");
    await createMappingDirectory(pods).remove("a", signal);
    expect(await readdir(join(pods, "a"))).toEqual(["etc-hosts"]);
  });

  it("says which mapping could not be written, and leaves nothing half written", async () => {
    const pods = await fresh();
    await mkdir(join(pods, "a", "userns", "in-the-way"), { recursive: true });
    await expect(createMappingDirectory(pods).write("a", "new", signal)).rejects.toThrow(
      `could not write the user namespace mapping ${join(pods, "a", "userns")}`,
    );
    expect(await readdir(join(pods, "a"))).toEqual(["userns"]);
  });
});
