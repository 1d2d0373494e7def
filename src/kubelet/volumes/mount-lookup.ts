import type { Files } from "../../ports/files.ts";
import type { HostMounts, MountEntry } from "../../ports/host-mounts.ts";

export interface MountLookupDeps {
  readonly files: Pick<Files, "realPath">;
  readonly mounts: Pick<HostMounts, "list">;
}

/** What is mounted at a path, by the mount table alone: the mount itself is not touched, it may hang. */
export async function mountAt(
  { files, mounts }: MountLookupDeps,
  path: string,
  signal: AbortSignal,
): Promise<MountEntry | undefined> {
  // Mount tables hold resolved paths.
  const at = path.lastIndexOf("/");
  const parent = await files.realPath(path.slice(0, at)).catch(() => path.slice(0, at));
  const real = `${parent}${path.slice(at)}`;
  return (await mounts.list(signal)).findLast(({ target }) => target === real);
}

/** Where pods still have what is mounted as `device`, whatever anybody remembers of them. */
export async function podMountsOf(
  { files, mounts }: MountLookupDeps,
  root: string,
  device: MountEntry,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const pods = `${await files.realPath(root)}/pods/`;
  const below = device.root === "/" ? "/" : `${device.root}/`;
  return (await mounts.list(signal))
    .filter((entry) => entry.device === device.device && entry.target.startsWith(pods))
    .filter((entry) => entry.root === device.root || entry.root.startsWith(below))
    .map(({ target }) => target);
}

/** What a path is on: of the mounts that hold it the deepest, of those on top of each other the last. */
export function mountHolding(mounts: readonly MountEntry[], path: string): MountEntry | undefined {
  let best: MountEntry | undefined;
  for (const mount of mounts) {
    const holds = mount.target === "/" || path === mount.target || path.startsWith(`${mount.target}/`);
    if (holds && (best === undefined || mount.target.length >= best.target.length)) best = mount;
  }
  return best;
}
