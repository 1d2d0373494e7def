import type { Pod, Volume } from "../../api/types.ts";
import { inlineHandle } from "../../core/csi/csi-source.ts";
import { csiPlugin, diskIdentityOf, volumeIdentityOf } from "../../core/selinux/persistent-volume.ts";
import type { VolumePlugin } from "../../core/volumes/pod-paths.ts";
import { type ClaimedVolume, claimNameOf } from "./claimed-volume.ts";
import type { NodeVolumeSpec } from "./node-volume-plugin.ts";

export type SharedVolume = NodeVolumeSpec & { readonly plugin: VolumePlugin };

/**
 * The volume as one that pods of the node may share; undefined when it is of another kind.
 *
 * @param digest SHA-256 in hexadecimal digits
 */
export function sharedVolumeOf(
  pod: Pod,
  volume: Volume,
  claimed: ClaimedVolume | undefined,
  digest: (text: string) => string,
): SharedVolume | undefined {
  if (volume.csi !== undefined) {
    const pluginName = csiPlugin(volume.csi.driver);
    const id = `${pluginName}^${inlineHandle(pod.metadata?.uid ?? "", volume.name, digest)}`;
    const readOnly = volume.csi.readOnly ?? false;
    return { id, pluginName, specName: volume.name, pod, volume, readOnly, plugin: "csi" };
  }
  const disk = diskIdentityOf(volume);
  if (disk !== undefined) {
    const plugin = volume.iscsi === undefined ? "fc" : "iscsi";
    return { id: disk.volume, pluginName: disk.plugin, specName: volume.name, pod, volume, readOnly: false, plugin };
  }
  if (claimed === undefined) return undefined;
  const { spec, metadata } = claimed.volume;
  const plugin = spec?.csi !== undefined ? "csi" : spec?.iscsi !== undefined ? "iscsi" : "fc";
  if (plugin === "fc" && spec?.fc === undefined) return undefined;
  // Only drivers are asked for raw block devices.
  if (spec?.volumeMode === "Block" && plugin !== "csi") return undefined;
  const identity = volumeIdentityOf({ ...claimed.volume, spec: { ...spec, volumeMode: "Filesystem" } });
  if (identity === undefined) return undefined;
  return {
    id: identity.volume,
    pluginName: identity.plugin,
    specName: metadata?.name ?? "",
    pod,
    volume,
    persistentVolume: claimed.volume,
    claim: claimed.claim,
    readOnly: claimNameOf(pod, volume)?.readOnly ?? false,
    plugin,
  };
}
