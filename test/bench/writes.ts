import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { startCluster } from "../e2e/harness/cluster.ts";
import { adminClient } from "./admin-client.ts";
import { load, table } from "./statistics.ts";

const CLIENTS = 32;
const TOTAL = 20_000;

/** Durable creates per second with 32 clients, beside the bare fdatasync rate of the same disk. */
export async function writes(): Promise<string> {
  const cluster = await startCluster({ args: ["--no-node"] });
  try {
    const client = await adminClient(cluster.kubeconfig, CLIENTS);
    const create = (name: string): Promise<boolean> =>
      client
        .request("POST", "/api/v1/namespaces/default/configmaps", {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name },
          data: { key: "x".repeat(512) },
        })
        .then(({ status }) => status === 201);
    await load(CLIENTS, 2_000, (index) => create(`warm-${index}`));
    const creates = await load(CLIENTS, TOTAL, (index) => create(`bench-${index}`));
    await client.close();
    const syncs = await syncsPerSecond(join(cluster.dataDir, "sync.probe"));
    return table(
      ["what", "per second", "p50 ms", "p99 ms", "failures"],
      [
        [
          `durable ConfigMap creates, ${CLIENTS} clients`,
          creates.perSecond,
          creates.p50,
          creates.p99,
          String(creates.failures),
        ],
        ["bare 4 KiB append + fdatasync, one after the other", syncs, 1000 / syncs, "", ""],
        ["ratio creates / bare syncs", creates.perSecond / syncs, "", "", ""],
      ],
    );
  } finally {
    await cluster.destroy();
  }
}

async function syncsPerSecond(path: string): Promise<number> {
  const file = await open(path, "w");
  const page = Buffer.alloc(4096);
  const began = performance.now();
  const rounds = 500;
  for (let round = 0; round < rounds; round++) {
    await file.write(page);
    await file.datasync();
  }
  const seconds = (performance.now() - began) / 1000;
  await file.close();
  await rm(path);
  return rounds / seconds;
}
