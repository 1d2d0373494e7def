import type { Pod } from "../../api/types.ts";
import type { ContainerAttempt, PodRuntime } from "../../core/pods/pod-runtime.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import type { ContainerRuntime, SandboxRuntime } from "../../ports/container-runtime.ts";
import type { Files } from "../../ports/files.ts";
import type { Log } from "../../ports/log.ts";
import { logLinkName } from "./container-starter.ts";
import { containerLogPath, podLogDirectory } from "./log-paths.ts";

/** Takes away what ended containers and pods leave behind. */
export interface PodRemains {
  /**
   * Removes dead attempts of a container but the newest, whose log `--previous` shows. Never fails: what stays is tried
   * again with the next attempt.
   */
  removeOldAttempts(pod: Pod, runtime: PodRuntime, container: string, signal: AbortSignal): Promise<void>;
  /** Everything of a pod that is over and not wanted any more: containers, sandboxes, logs. */
  removePod(pod: Pod, runtime: PodRuntime, signal: AbortSignal): Promise<void>;
}

export interface PodRemainsDeps {
  readonly containers: Pick<ContainerRuntime, "remove">;
  readonly sandboxes: Pick<SandboxRuntime, "remove">;
  readonly files: Pick<Files, "list" | "remove" | "removeTree">;
  readonly log: Log;
}

export interface PodRemainsOptions {
  readonly podLogsRoot: string;
  /** "" for none. */
  readonly logLinksRoot: string;
}

export function createPodRemains(deps: PodRemainsDeps, options: PodRemainsOptions): PodRemains {
  async function removeContainer(pod: Pod, attempt: ContainerAttempt, signal: AbortSignal): Promise<void> {
    await deps.containers.remove(attempt.id, signal);
    const { name = "", namespace = "" } = pod.metadata ?? {};
    if (options.logLinksRoot === "" || name === "") return;
    const link = logLinkName(name, namespace, attempt.name, attempt.id);
    await deps.files.remove(`${options.logLinksRoot}/${link}`);
  }

  /** The log of an attempt and what rotation made of it. */
  async function removeLogs(pod: Pod, attempt: ContainerAttempt): Promise<void> {
    const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
    if (name === "" || namespace === "" || uid === "") return;
    const log = `${podLogDirectory(options.podLogsRoot, namespace, name, uid)}/${containerLogPath(attempt.name, attempt.attempt)}`;
    const directory = log.slice(0, log.lastIndexOf("/"));
    const file = log.slice(directory.length + 1);
    for (const entry of await deps.files.list(directory)) {
      if (entry.name === file || entry.name.startsWith(`${file}.`))
        await deps.files.remove(`${directory}/${entry.name}`);
    }
  }

  return {
    async removeOldAttempts(pod, runtime, container, signal) {
      const dead = runtime.containers.filter(({ name, state }) => name === container && state === "exited");
      // `runtime` is from before the new attempt: the first of the dead is the one before it.
      for (const attempt of dead.slice(1)) {
        try {
          await removeContainer(pod, attempt, signal);
          await removeLogs(pod, attempt);
        } catch (failure) {
          if (signal.aborted) return;
          deps.log.warn("An ended container could not be removed", { id: attempt.id, reason: messageOf(failure) });
        }
      }
    },
    async removePod(pod, runtime, signal) {
      const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
      await Promise.all(runtime.containers.map((attempt) => removeContainer(pod, attempt, signal)));
      await Promise.all(runtime.sandboxes.map(({ id }) => deps.sandboxes.remove(id, signal)));
      // Without all three parts the path would be somebody else's.
      if (name === "" || namespace === "" || uid === "") return;
      await deps.files.removeTree(podLogDirectory(options.podLogsRoot, namespace, name, uid));
    },
  };
}
