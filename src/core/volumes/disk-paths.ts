import { podDirectory } from "./pod-paths.ts";

/** Where the kubelet mounts disks of storage networks, as upstream. */
export type DiskKind = "iscsi" | "fc";

/** Folder of the mounts pods share. */
export function diskPluginDirectory(root: string, kind: DiskKind): string {
  return `${root}/plugins/kubernetes.io/${kind}`;
}

export function podDiskPath(root: string, podUid: string, kind: DiskKind, volume: string): string {
  return `${podDirectory(root, podUid)}/volumes/kubernetes.io~${kind}/${volume}`;
}
