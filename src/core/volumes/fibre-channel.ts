import type { Volume } from "../../api/types.ts";

/** The same in a pod and in a persistent volume. */
export type FibreChannelSource = NonNullable<Volume["fc"]>;

/** A Fibre Channel disk: ports of the target with a unit, or world wide identifiers of the disk. */
export type FibreChannelTarget =
  | { readonly by: "port"; readonly names: readonly string[]; readonly lun: number }
  | { readonly by: "identifier"; readonly names: readonly string[] };

export function fibreChannelTargetOf({ targetWWNs = [], wwids = [], lun }: FibreChannelSource): FibreChannelTarget {
  if (targetWWNs.length > 0 && lun !== undefined) return { by: "port", names: targetWWNs, lun };
  // Spaces stand as underscores among the links of the host.
  return { by: "identifier", names: wwids.map((name) => name.replaceAll(" ", "_")) };
}

/** Below ROOT/plugins/kubernetes.io/fc, as upstream. */
export function fibreChannelFolder(target: FibreChannelTarget): string {
  const names = target.names.join("-");
  return target.by === "port" ? `${names}-lun-${target.lun}` : names;
}

/** Names of links below /dev/disk that may lead to the disk. */
export function fibreChannelLinks(target: FibreChannelTarget): { readonly folder: string; readonly name: RegExp } {
  const names = target.names.map((name) => name.replaceAll(/[^\w-]/g, (sign) => `\\${sign}`)).join("|");
  return target.by === "port"
    ? { folder: "/dev/disk/by-path", name: new RegExp(`^(?:pci-.*-)?fc-0x(?:${names})-lun-${target.lun}$`) }
    : { folder: "/dev/disk/by-id", name: new RegExp(`^scsi-(?:${names})$`) };
}
