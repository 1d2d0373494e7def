import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ContainerRuntime } from "../../ports/container-runtime.ts";
import type { Files } from "../../ports/files.ts";
import type { Log } from "../../ports/log.ts";

export interface RotatableLog {
  readonly containerId: string;
  readonly path: string;
}

export interface LogRotationDeps {
  readonly files: Pick<Files, "information" | "list" | "rename" | "remove">;
  readonly containers: Pick<ContainerRuntime, "reopenLog">;
  readonly clock: Clock;
  readonly log: Log;
  /** Logs of containers that run. */
  readonly logs: () => readonly RotatableLog[];
}

export interface LogRotationOptions {
  /** A log longer than this is rotated (containerLogMaxSize). Negative: never. @default 10 MiB */
  readonly maximumBytes?: number;
  /** Files a container may have, the current one included (containerLogMaxFiles). At least 2. @default 5 */
  readonly maximumFiles?: number;
  /** containerLogMonitorInterval. @default 10000 */
  readonly periodMs?: number;
}

/**
 * Keeps logs of running containers from filling the disk: the file is renamed to `N.log.TIME` and the runtime opens a new
 * one. A log that can not be rotated is tried again.
 */
export async function rotateLogs(
  deps: LogRotationDeps,
  options: LogRotationOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = deps;
  const { maximumBytes = 10 * 2 ** 20, maximumFiles = 5, periodMs = 10_000 } = options;
  if (maximumBytes < 0) return;
  while (!signal.aborted) {
    for (const target of deps.logs()) {
      try {
        await rotateWhenLong(deps, target, { maximumBytes, maximumFiles }, signal);
      } catch (failure) {
        if (signal.aborted) return;
        log.warn("A container's log could not be rotated", { path: target.path, reason: messageOf(failure) });
      }
    }
    await clock.sleep(periodMs, signal).catch(() => undefined);
  }
}

async function rotateWhenLong(
  { files, containers, clock }: LogRotationDeps,
  { containerId, path }: RotatableLog,
  { maximumBytes, maximumFiles }: { readonly maximumBytes: number; readonly maximumFiles: number },
  signal: AbortSignal,
): Promise<void> {
  const information = await files.information(path);
  if (information === undefined) {
    // Renamed by a kubelet that died before the runtime was told.
    await containers.reopenLog(containerId, signal).catch((failure: unknown) => {
      if (!(failure instanceof OrlopError)) throw failure;
    });
    return;
  }
  if (information.size < maximumBytes) return;
  const directory = path.slice(0, path.lastIndexOf("/"));
  const name = path.slice(directory.length + 1);
  // Times sort as text: the oldest come first.
  const rotated = (await files.list(directory))
    .map((entry) => entry.name)
    .filter((entry) => entry.startsWith(`${name}.`))
    .sort();
  const keep = Math.max(0, maximumFiles - 2);
  for (const old of rotated.slice(0, Math.max(0, rotated.length - keep))) await files.remove(`${directory}/${old}`);
  const time = new Date(clock.now()).toISOString().replace(/[-:]/gu, "").replace("T", "-").slice(0, 15);
  const target = `${path}.${time}`;
  await files.rename(path, target);
  try {
    await containers.reopenLog(containerId, signal);
  } catch (failure) {
    // The runtime still writes into the renamed file: it gets its name back.
    await files.rename(target, path);
    throw failure;
  }
}
