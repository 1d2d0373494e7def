import { mkdir, writeFile } from "node:fs/promises";
import type { PodSecurityContext } from "../../../../src/api/types.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { createClaim, deleteClaim, untilUnstaged, volumeNameOf, withPlainMount } from "../volumes.ts";
import { createPod, deletePods, startPod, untilRunning } from "../workloads.ts";

export interface StartTime {
  readonly files: number;
  /** Milliseconds from the pod's creation to its container running. */
  readonly withContext: number;
  readonly recursive: number;
}

const COUNTS: readonly number[] = [10, 10_000, 100_000];
const FILES_IN_A_FOLDER = 1_000;
const LEVEL = "s0:c10,c20";
const PATIENCE_MS = 600_000;

/** How long a pod takes to start on a volume with few and many files, mounted with its label and relabelled. */
export const startTimes: Scenario<readonly StartTime[]> = {
  name: "start-times",
  timeoutMs: 30 * 60_000,
  async run(context) {
    const found: StartTime[] = [];
    for (const files of COUNTS) {
      await createClaim(context, "many", "ReadWriteOnce", "500Mi");
      // Its first start makes the file system.
      await startPod(context, { name: "maker", level: LEVEL, claim: "many" });
      await deletePods(context, "maker");
      const volume = await volumeNameOf(context, "many");
      await untilUnstaged(context, volume);
      await withPlainMount(volume, (path) => fill(path, files));
      const withContext = await timeToStart(context, volume, {});
      const recursive = await timeToStart(context, volume, { seLinuxChangePolicy: "Recursive" });
      context.say(`${files} files: ${withContext.toFixed(0)} ms with context, ${recursive.toFixed(0)} ms relabelled`);
      found.push({ files, withContext, recursive });
      await deleteClaim(context, "many");
    }
    return found;
  },
};

async function timeToStart(context: ScenarioContext, volume: string, security: PodSecurityContext): Promise<number> {
  const securityContext = { seLinuxOptions: { level: LEVEL }, ...security };
  const began = performance.now();
  await createPod(context, { name: "measured", claim: "many", securityContext });
  await untilRunning(context, "measured", undefined, PATIENCE_MS);
  const took = performance.now() - began;
  await deletePods(context, "measured");
  await untilUnstaged(context, volume);
  return took;
}

async function fill(path: string, files: number): Promise<void> {
  for (let first = 0; first < files; first += FILES_IN_A_FOLDER) {
    const folder = `${path}/${first}`;
    await mkdir(folder);
    const names = Array.from(
      { length: Math.min(FILES_IN_A_FOLDER, files - first) },
      (_, index) => `${folder}/${index}`,
    );
    await Promise.all(names.map((name) => writeFile(name, "")));
  }
}
