import { type KernelVersion, mappabilityOf } from "../../core/userns/mappable-filesystems.ts";
import type { Files } from "../../ports/files.ts";
import type { HostMounts } from "../../ports/host-mounts.ts";
import { mountHolding } from "./mount-lookup.ts";

/**
 * Why a volume's files can not be shown with a pod's own IDs; undefined when they can, or when only trying can tell.
 *
 * @param path of the volume on the host, links allowed
 */
export async function unmappableReason(
  deps: { readonly files: Pick<Files, "realPath">; readonly mounts: Pick<HostMounts, "list"> },
  path: string,
  kernelIsAtLeast: (version: KernelVersion) => boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  const real = await deps.files.realPath(path).catch(() => undefined);
  if (real === undefined) return undefined;
  const mount = mountHolding(await deps.mounts.list(signal), real);
  if (mount === undefined) return undefined;
  const found = mappabilityOf(mount.filesystem, kernelIsAtLeast);
  if (found.mappable !== "no") return undefined;
  const where = real === path ? path : `${path} (${real})`;
  return `${where} can not be used by a pod with hostUsers: false: the filesystem ${found.reason}; use a volume on a filesystem that can (ext4, xfs, btrfs, tmpfs) or leave hostUsers out`;
}
