import { readFile } from "node:fs/promises";
import { startCluster } from "../e2e/harness/cluster.ts";
import { percentile, residentMebibytes, table } from "./statistics.ts";

const WARM_STARTS = 5;

/** Cold and warm start to Ready, and memory after a minute of idling. */
export async function starts(): Promise<string> {
  const cluster = await startCluster();
  try {
    const cold = cluster.readyAfter;
    const warm: number[] = [];
    for (let round = 0; round < WARM_STARTS; round++) {
      await cluster.stop();
      await cluster.start();
      warm.push(cluster.readyAfter);
    }
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    const resident = residentMebibytes(await readFile(`/proc/${cluster.pid}/status`, "utf8"));
    return table(
      ["what", "value"],
      [
        ["first start in a new data directory (packages and images cached), s", cold / 1000],
        [`warm start, median of ${WARM_STARTS}, s`, percentile(warm, 0.5) / 1000],
        ["resident memory of API server, controllers and kubelet after 60 s idle, MiB", resident],
      ],
    );
  } finally {
    await cluster.destroy();
  }
}
