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

  it("reads an empty file as no mapping and skips plain files among the pods", async () => {
    const pods = await fresh();
    await mkdir(join(pods, "a"));
    await writeFile(join(pods, "a", "userns"), "");
    await writeFile(join(pods, "stray"), "");
    const store = createMappingDirectory(pods);
    expect(await store.read("a", signal)).toBeUndefined();
    expect(await store.pods(signal)).toEqual(["a"]);
  });

  it("says it can not tell when the file can not be read", async () => {
    const pods = await fresh();
    await mkdir(join(pods, "a", "userns"), { recursive: true });
    await chmod(pods, 0o755);
    await expect(createMappingDirectory(pods).read("a", signal)).rejects.toThrow(/EISDIR/);
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
