import type { VolumeUserPod } from "../volumes/node-volume.ts";

const MOST_NAMES = 3;

/**
 * Why a pod waits for a volume that others use with another label. Pods of its own namespace are named with their label;
 * of others the reader learns no more than that they are there.
 *
 * @param volume name of the persistent volume
 */
export function conflictText(
  volume: string,
  namespace: string,
  labels: { readonly used: string; readonly wanted: string },
  users: readonly VolumeUserPod[],
): string {
  const own = users.filter((user) => user.namespace === namespace).map(({ name }) => `"${name}"`);
  if (own.length === 0) {
    return (
      `conflicting SELinux labels of volume ${volume}: this pod needs ${quoted(labels.wanted)}, a pod of another ` +
      "namespace uses it on this node with a different label; this pod starts when the volume is free"
    );
  }
  const names = own.slice(0, MOST_NAMES).join(", ") + (own.length > MOST_NAMES ? " and others" : "");
  return (
    `conflicting SELinux labels of volume ${volume}: ${quoted(labels.used)} and ${quoted(labels.wanted)}: ` +
    `${own.length === 1 ? "pod" : "pods"} ${names} of this namespace ${own.length === 1 ? "uses" : "use"} it on this ` +
    "node with the first, this pod needs the second and starts when the volume is free"
  );
}

/** A pod without a level has no label to mount with; the runtime gives its files one. */
function quoted(label: string): string {
  return label === "" ? '"" (no label)' : JSON.stringify(label);
}
