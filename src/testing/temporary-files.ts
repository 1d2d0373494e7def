import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Set-up of the unit tests: all temporary files of a run lie in one folder, which is removed at its end. A mount that a
 * test left in there fails the run, and nothing is removed: what is mounted may not be the test's.
 */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "orlop-")));
  process.env["TMPDIR"] = folder;
  return async () => {
    const mounts = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").map((line) => line.split(" ")[4] ?? "");
    const left = mounts.filter((path) => path.startsWith(`${folder}/`));
    if (left.length > 0) throw new Error(`tests left mounts behind, unmount them: ${left.join(", ")}`);
    await rm(folder, { recursive: true, force: true });
  };
}
