import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { runCommand } from "../debian/run-command.ts";
import { containerCgroups, removeCgroupRoot, removeCgroups, removeIfEmpty } from "./container-cgroups.ts";
import { unmountBelow } from "./mount-table.ts";
import { findProcesses, signalProcess, waitForExit } from "./process-table.ts";
import { provisionedRuntime, type RuntimeSoftware } from "./provision-runtime.ts";
import { removePodNetwork } from "./remove-pod-network.ts";
import type { RuntimeLayout } from "./runtime-layout.ts";
import { runningContainerd } from "./start-containerd.ts";

export interface RemoveRuntimeDeps {
  readonly log: Log;
  readonly clock: Clock;
}

export interface RemoveRuntimeOptions {
  readonly layout: RuntimeLayout;
  /** Control groups of containers that were removed before in an orderly way. */
  readonly cgroups?: readonly string[];
  readonly signal: AbortSignal;
}

/** Where every containerd of a host puts the sockets of its shims: the place is compiled in. */
const SHIM_SOCKETS = "/run/containerd/s";
const EXIT_MILLISECONDS = 10_000;
const PARALLEL_DELETIONS = 8;

/**
 * Ends everything a private runtime has running on this host and takes back what it changed: containers and their cgroups,
 * shims, containerd, mounts, network namespaces, the bridge, packet filter rules, files below /run and /var/lib/cni. Images
 * and software below the data directory stay. Needs no working containerd, and may be repeated.
 */
export async function removeRuntime(deps: RemoveRuntimeDeps, options: RemoveRuntimeOptions): Promise<void> {
  const { layout, signal } = options;
  const software = await provisionedRuntime(layout.software);
  const containerd = await runningContainerd(layout);
  if (containerd !== undefined) await endProcess(deps, containerd.pid, { first: "SIGTERM", signal });
  const shimSockets = await socketsOfShims(layout);
  const cgroups = await containerCgroups(layout);
  await deleteContainers(deps, { layout, software, signal });
  const shims = await findProcesses(
    (parameters) => parameters[0]?.endsWith("containerd-shim-runc-v2") === true && parameters.includes(layout.socket),
  );
  for (const pid of shims) signalProcess(pid, "SIGKILL");
  for (const pid of shims) await endProcess(deps, pid, { first: "SIGKILL", signal });
  await unmountBelow([dirname(layout.state), layout.root], signal);
  await removePodNetwork(deps, { layout, software, signal });
  for (const socket of shimSockets) await rm(socket, { force: true });
  await rm(dirname(layout.state), { recursive: true, force: true });
  await removeCgroups([...(options.cgroups ?? []), ...cgroups]);
  await removeCgroupRoot(layout.cgroupRoot);
  for (const folder of [dirname(dirname(layout.state)), SHIM_SOCKETS, dirname(SHIM_SOCKETS)])
    await removeIfEmpty(folder);
}

async function endProcess(
  deps: RemoveRuntimeDeps,
  pid: number,
  how: { readonly first: "SIGTERM" | "SIGKILL"; readonly signal: AbortSignal },
): Promise<void> {
  signalProcess(pid, how.first);
  if (await waitForExit(deps.clock, pid, { milliseconds: EXIT_MILLISECONDS, signal: how.signal })) return;
  signalProcess(pid, "SIGKILL");
  if (await waitForExit(deps.clock, pid, { milliseconds: EXIT_MILLISECONDS, signal: how.signal })) return;
  throw new OrlopError("Timeout", `process ${pid} of the container runtime can not be ended: look what it waits for`);
}

/** Kills and forgets each container. */
async function deleteContainers(
  deps: RemoveRuntimeDeps,
  of: {
    readonly layout: RuntimeLayout;
    readonly software: RuntimeSoftware | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { layout, software, signal } = of;
  const root = join(layout.state, "runc");
  for (const namespace of await readdir(root).catch(() => [])) {
    const waiting = await readdir(join(root, namespace)).catch(() => []);
    const worker = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        if (software === undefined) {
          throw new OrlopError(
            "Unavailable",
            `container ${id} still runs and the runtime software in ${layout.software} is gone: run "orlop up" once more, then "orlop down"`,
          );
        }
        const container = id;
        await runCommand(software.runc, ["--root", join(root, namespace), "delete", "--force", container], {
          signal,
        }).catch((cause: unknown) => {
          signal.throwIfAborted();
          deps.log.warn("a container could not be deleted", { container, error: messageOf(cause) });
        });
      }
    };
    await Promise.all(Array.from({ length: PARALLEL_DELETIONS }, worker));
  }
}

/** The socket files of the shims that serve this state folder: killed shims leave them behind. */
async function socketsOfShims(layout: RuntimeLayout): Promise<readonly string[]> {
  const root = join(layout.state, "io.containerd.runtime.v2.task");
  const found: string[] = [];
  for (const namespace of await readdir(root).catch(() => [])) {
    for (const id of await readdir(join(root, namespace)).catch(() => [])) {
      const text = await readFile(join(root, namespace, id, "bootstrap.json"), "utf8").catch(() => "");
      const socket = /"unix:\/\/([^"]+)"/.exec(text)?.[1];
      if (socket !== undefined && !found.includes(socket)) found.push(socket);
    }
  }
  return found;
}
