/** The layout of the kubelet's root directory, as upstream keeps it: another kubelet can take over what is there. */

export type VolumePlugin =
  | "empty-dir"
  | "host-path"
  | "configmap"
  | "secret"
  | "projected"
  | "downward-api"
  | "local-volume"
  | "csi"
  | "iscsi"
  | "fc";

export function podsDirectory(root: string): string {
  return `${root}/pods`;
}

export function podDirectory(root: string, podUid: string): string {
  return `${podsDirectory(root)}/${podUid}`;
}

export function volumeDirectory(root: string, podUid: string, plugin: VolumePlugin, name: string): string {
  return `${podDirectory(root, podUid)}/volumes/kubernetes.io~${plugin}/${name}`;
}

/** Where the marker `ready` of a volume lies. Volumes that are an emptyDir inside are kept there as `wrapped_<name>`. */
export function volumeMetaDirectory(root: string, podUid: string, plugin: VolumePlugin, name: string): string {
  const inner = plugin === "empty-dir" ? name : `wrapped_${name}`;
  return `${podDirectory(root, podUid)}/plugins/kubernetes.io~empty-dir/${inner}`;
}

/** Target of the bind mount for one subPath. */
export function subpathTarget(
  root: string,
  podUid: string,
  volume: string,
  container: string,
  mountIndex: number,
): string {
  return `${podDirectory(root, podUid)}/volume-subpaths/${volume}/${container}/${mountIndex}`;
}

export function containerDirectory(root: string, podUid: string, container: string): string {
  return `${podDirectory(root, podUid)}/containers/${container}`;
}

export function etcHostsPath(root: string, podUid: string): string {
  return `${podDirectory(root, podUid)}/etc-hosts`;
}

/** Pod uids become path components: anything else than a plain name must never get that far. */
export function isSafePathName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
}
