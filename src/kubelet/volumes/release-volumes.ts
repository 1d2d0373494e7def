import { podDirectory } from "../../core/volumes/pod-paths.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { Files } from "../../ports/files.ts";
import type { HostMounts } from "../../ports/host-mounts.ts";

export interface ReleaseDeps {
  readonly files: Files;
  readonly mounts: HostMounts;
}

/** Volumes whose files are the pod's own and go with it. All others are only unmounted. */
const OWN_DATA = [
  "kubernetes.io~empty-dir",
  "kubernetes.io~configmap",
  "kubernetes.io~secret",
  "kubernetes.io~projected",
  "kubernetes.io~downward-api",
];

const KUBELET_MOUNT = /^(volumes\/[^/]+\/[^/]+|volume-subpaths\/[^/]+\/[^/]+\/[^/]+)$/;

/**
 * Unmounts and deletes what the kubelet put under a pod's directory. Order: everything is unmounted, deepest first; the
 * mount table is read again; only when it shows nothing below the directory is anything deleted. A mount that is not
 * ours (made from inside a container), a busy one, or a table that can not be read ends it with an error and nothing lost.
 */
export async function releaseVolumes(
  deps: ReleaseDeps,
  root: string,
  podUid: string,
  signal: AbortSignal,
): Promise<void> {
  const directory = podDirectory(root, podUid);
  if ((await deps.files.information(directory)) === undefined) return;
  // Mount tables hold resolved paths.
  const real = await deps.files.realPath(directory);
  for (const target of (await mountsBelow(deps, real, signal)).toReversed()) {
    const relative = target.slice(real.length + 1);
    if (!KUBELET_MOUNT.test(relative)) {
      throw new OrlopError(
        "Conflict",
        `refusing to clean up pod ${podUid}: ${target} is mounted and was not mounted by the kubelet; unmount it`,
        {
          retry: "backoff",
        },
      );
    }
    await deps.mounts.unmount(target, signal);
  }
  const left = await mountsBelow(deps, real, signal);
  if (left.length > 0) {
    throw new OrlopError(
      "Conflict",
      `refusing to delete the volumes of pod ${podUid}: ${left.join(", ")} is still mounted`,
      {
        retry: "backoff",
      },
    );
  }
  await removeOwned(deps.files, directory);
}

/** Unmounts what single containers got of the pod's volumes: a volume can not be taken away below them. */
export async function unmountSubpaths(
  deps: ReleaseDeps,
  root: string,
  podUid: string,
  signal: AbortSignal,
): Promise<void> {
  const directory = `${podDirectory(root, podUid)}/volume-subpaths`;
  if ((await deps.files.information(directory)) === undefined) return;
  const real = await deps.files.realPath(directory);
  for (const target of (await mountsBelow(deps, real, signal)).toReversed()) await deps.mounts.unmount(target, signal);
}

async function mountsBelow(deps: ReleaseDeps, directory: string, signal: AbortSignal): Promise<readonly string[]> {
  const entries = await deps.mounts.list(signal);
  return entries.map(({ target }) => target).filter((target) => target.startsWith(`${directory}/`));
}

async function removeOwned(files: Files, directory: string): Promise<void> {
  for (const name of ["volume-subpaths", "plugins", "containers"]) await files.removeTree(`${directory}/${name}`);
  for (const plugin of await names(files, `${directory}/volumes`)) {
    const folder = `${directory}/volumes/${plugin}`;
    for (const volume of await names(files, folder)) {
      const path = `${folder}/${volume}`;
      // A directory that served as mount point is empty now. If it is not, it is somebody's data, and stays.
      await (OWN_DATA.includes(plugin) ? files.removeTree(path) : files.remove(path));
    }
    await files.remove(folder);
  }
  await files.remove(`${directory}/volumes`);
  // Links to devices are gone with their volumes.
  for (const plugin of await names(files, `${directory}/volumeDevices`)) {
    await files.remove(`${directory}/volumeDevices/${plugin}`);
  }
  await files.remove(`${directory}/volumeDevices`);
  await files.remove(`${directory}/etc-hosts`);
  // Others keep things here too (the ID mapping of a user namespace); who comes last removes the directory.
  if ((await names(files, directory)).length === 0) await files.remove(directory);
}

async function names(files: Files, directory: string): Promise<readonly string[]> {
  if ((await files.information(directory)) === undefined) return [];
  return (await files.list(directory)).map(({ name }) => name);
}
