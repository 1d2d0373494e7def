import { rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { createCriRuntime } from "../adapters/cri/runtime.ts";
import { unmountBelow } from "../adapters/runtime/mount-table.ts";
import { removePrivateRuntime } from "../adapters/runtime/remove-private-runtime.ts";
import type { DownOptions } from "../cli/commands.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { runningOrlop } from "./data-directory.ts";
import { checkMachine } from "./machine.ts";
import { untilToldToStop } from "./process-signal.ts";
import { systemDeps } from "./system.ts";

/** `orlop down`: takes back everything `orlop up` has running on this machine for one data directory. */
export async function down(options: DownOptions): Promise<number> {
  const dataDir = resolve(options.dataDir);
  if ((await stat(dataDir).catch(() => undefined)) === undefined) return 0;
  await checkMachine({ node: true, command: "orlop down" });
  const owner = await runningOrlop(dataDir);
  if (owner !== undefined) {
    throw new OrlopError(
      "Conflict",
      `"orlop up" still runs on ${dataDir} as process ${owner}: stop it first (Ctrl-C, or kill ${owner})`,
    );
  }
  const { log, clock } = systemDeps(options.logLevel);
  return untilToldToStop(async (signal) => {
    await removePrivateRuntime(
      { log, clock, connect: (endpoint) => createCriRuntime({ endpoint }) },
      { dataDir, signal },
    );
    await unmountBelow([dataDir], signal);
    if (options.purge) await rm(dataDir, { recursive: true, force: true });
    return 0;
  });
}
