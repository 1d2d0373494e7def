import { resolve } from "node:path";
import { messageOf } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Runtime } from "../../ports/container-runtime.ts";
import type { Log } from "../../ports/log.ts";
import { SANDBOX_IMAGE } from "../images/definitions.ts";
import { containerCgroups } from "./container-cgroups.ts";
import { provisionedRuntime } from "./provision-runtime.ts";
import { removeRuntime } from "./remove-runtime.ts";
import { runtimeLayout } from "./runtime-layout.ts";
import { startContainerd } from "./start-containerd.ts";

/** The part of a CRI client that removing pods takes. */
export type PodRemover = Pick<Runtime, "sandboxes"> & {
  readonly containers: Pick<Runtime["containers"], "list" | "stop">;
  readonly close: () => void;
};

export interface RemovePrivateRuntimeDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly connect: (endpoint: string) => PodRemover;
}

export interface RemovePrivateRuntimeOptions {
  readonly dataDir: string;
  /** How long containers get to end by themselves. @default 10 */
  readonly graceSeconds?: number;
  readonly signal: AbortSignal;
}

/** Containers are ended by force when the orderly way takes this much longer than their grace. */
const ORDERLY_MILLISECONDS = 30_000;
const PARALLEL = 8;

/**
 * Takes down the private runtime of a data directory: asks containers to end, removes the pods from the runtime, then ends
 * every process and takes back every mount, network namespace, bridge and packet filter rule. What can not be done in an
 * orderly way is done by force. Images and software in the data directory stay. Nothing to do is fine.
 */
export async function removePrivateRuntime(
  deps: RemovePrivateRuntimeDeps,
  options: RemovePrivateRuntimeOptions,
): Promise<void> {
  const { signal } = options;
  const layout = runtimeLayout(resolve(options.dataDir));
  const software = await provisionedRuntime(layout.software);
  const cgroups = await containerCgroups(layout);
  if (software !== undefined) {
    const graceSeconds = options.graceSeconds ?? 10;
    const limit = AbortSignal.timeout(graceSeconds * 1_000 + ORDERLY_MILLISECONDS);
    try {
      const limited = AbortSignal.any([signal, limit]);
      const { endpoint } = await startContainerd(deps, {
        layout,
        software,
        sandboxImage: SANDBOX_IMAGE,
        signal: limited,
      });
      await removePods(deps.connect(endpoint), { graceSeconds, signal: limited });
    } catch (cause) {
      signal.throwIfAborted();
      deps.log.warn("pods could not be removed in an orderly way and are ended by force", { error: messageOf(cause) });
    }
  }
  await removeRuntime(deps, { layout, cgroups, signal });
}

/** Stops and removes every pod a runtime has, also those that are dead already. */
export async function removePods(
  runtime: PodRemover,
  options: { readonly graceSeconds: number; readonly signal: AbortSignal },
): Promise<void> {
  const { graceSeconds, signal } = options;
  try {
    const containers = await runtime.containers.list({}, signal);
    const running = containers.filter((container) => container.state === "running");
    await Promise.all(running.map(async ({ id }) => runtime.containers.stop(id, graceSeconds, signal)));
    const waiting = [...(await runtime.sandboxes.list({}, signal))];
    const worker = async (): Promise<void> => {
      for (let sandbox = waiting.pop(); sandbox !== undefined; sandbox = waiting.pop()) {
        await runtime.sandboxes.stop(sandbox.id, signal);
        await runtime.sandboxes.remove(sandbox.id, signal);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  } finally {
    runtime.close();
  }
}
