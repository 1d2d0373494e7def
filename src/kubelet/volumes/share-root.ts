import { messageOf } from "../../lib/orlop-error.ts";
import type { Files } from "../../ports/files.ts";
import type { HostMounts } from "../../ports/host-mounts.ts";
import type { Log } from "../../ports/log.ts";
import { mountHolding } from "./mount-lookup.ts";

export interface ShareRootDeps {
  readonly files: Pick<Files, "realPath">;
  readonly mounts: Pick<HostMounts, "list" | "mount">;
  readonly log: Log;
}

/**
 * Lets mounts below the kubelet's root directory be seen from inside and outside of containers that ask for it
 * (mountPropagation): a CSI driver in a pod mounts its volumes there. Where systemd runs, all of the host is shared
 * already; elsewhere the directory becomes a shared mount on itself, as upstream's kubelet makes it.
 *
 * When that can not be done, pods without mountPropagation run all the same: it is logged.
 */
export async function shareRoot(deps: ShareRootDeps, root: string, signal: AbortSignal): Promise<void> {
  const { files, mounts, log } = deps;
  try {
    const real = await files.realPath(root);
    const entries = await mounts.list(signal);
    if (mountHolding(entries, real)?.shared === true) return;
    const below = entries.filter(({ target }) => target.startsWith(`${real}/`)).length;
    if (below > 0) {
      // Mounted over, they could be found and unmounted by nobody.
      throw new Error(`there are mounts below it already (${below}); it is done at the next start without any`);
    }
    await mounts.mount({ source: real, target: real, options: ["bind", "rshared"] }, signal);
  } catch (reason) {
    signal.throwIfAborted();
    const message = "The root directory is no shared mount: containers with mountPropagation can not start";
    log.warn(message, { root, error: messageOf(reason) });
  }
}
