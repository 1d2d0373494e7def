import { podDirectory } from "../volumes/pod-paths.ts";

/** Where the kubelet keeps CSI volumes, as upstream: another kubelet can take over what is there. */

const PLUGIN = "kubernetes.io/csi";
const POD_FOLDER = "kubernetes.io~csi";
export const VOLUME_DATA_FILE = "vol_data.json";
const GLOBAL_MOUNT = "globalmount";
const POD_MOUNT = "mount";

/** Folder of one folder for each driver. */
export function csiPluginDirectory(root: string): string {
  return `${root}/plugins/${PLUGIN}`;
}

/** @param handleDigest SHA-256 of the volume handle in hexadecimal digits */
export function stagingDirectory(root: string, driver: string, handleDigest: string): string {
  return `${csiPluginDirectory(root)}/${driver}/${handleDigest}`;
}

export function stagingPath(root: string, driver: string, handleDigest: string): string {
  return `${stagingDirectory(root, driver, handleDigest)}/${GLOBAL_MOUNT}`;
}

/** Folder of one folder for each CSI volume of a pod. */
export function podCsiDirectory(root: string, podUid: string): string {
  return `${podDirectory(root, podUid)}/volumes/${POD_FOLDER}`;
}

/** @param specName name of the persistent volume, or of the pod's inline volume */
export function publishDirectory(root: string, podUid: string, specName: string): string {
  return `${podCsiDirectory(root, podUid)}/${specName.replaceAll("/", "~")}`;
}

export function publishPath(root: string, podUid: string, specName: string): string {
  return `${publishDirectory(root, podUid, specName)}/${POD_MOUNT}`;
}

/** Where the marker `ready` of a published volume lies: everything about it was done once. */
export function publishMetaDirectory(root: string, podUid: string, specName: string): string {
  return `${podDirectory(root, podUid)}/plugins/${POD_FOLDER}/${specName.replaceAll("/", "~")}`;
}

/** Folder of all raw block devices of CSI drivers. */
export function blockDirectory(root: string): string {
  return `${csiPluginDirectory(root)}/volumeDevices`;
}

/** Where vol_data.json of a block volume lies. @param specName name of the persistent volume */
export function blockDataDirectory(root: string, specName: string): string {
  return `${blockDirectory(root)}/${specName}/data`;
}

export function blockStagingPath(root: string, specName: string): string {
  return `${blockDirectory(root)}/staging/${specName}`;
}

/** Folder of one device for each pod. */
export function blockPublishDirectory(root: string, specName: string): string {
  return `${blockDirectory(root)}/publish/${specName}`;
}

export function blockPublishPath(root: string, podUid: string, specName: string): string {
  return `${blockPublishDirectory(root, specName)}/${podUid}`;
}

/** Folder of one link for each block volume of a pod. */
export function podBlockDirectory(root: string, podUid: string): string {
  return `${podDirectory(root, podUid)}/volumeDevices/${POD_FOLDER}`;
}
