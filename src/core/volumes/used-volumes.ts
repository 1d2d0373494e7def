import { containersOf } from "../../api/pod.ts";
import type { Pod, Volume } from "../../api/types.ts";

/** Volumes some container mounts, or wants as a device (which is refused); the others are not set up, as upstream. */
export function usedVolumes(pod: Pod): readonly Volume[] {
  const used = new Set(
    containersOf(pod.spec).flatMap(({ volumeMounts, volumeDevices }) =>
      [...(volumeMounts ?? []), ...(volumeDevices ?? [])].map(({ name }) => name),
    ),
  );
  return (pod.spec?.volumes ?? []).filter(({ name }) => used.has(name));
}

/** Whether some container wants the volume as a raw block device. */
export function isDevice(pod: Pod, volume: Volume): boolean {
  return containersOf(pod.spec).some(({ volumeDevices }) =>
    (volumeDevices ?? []).some(({ name }) => name === volume.name),
  );
}
