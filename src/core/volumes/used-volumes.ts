import { containersOf } from "../../api/pod.ts";
import type { Pod, Volume } from "../../api/types.ts";

/** Volumes some container mounts, or gets as a device; the others are not set up, as upstream. */
export function usedVolumes(pod: Pod): readonly Volume[] {
  const used = new Set(
    containersOf(pod.spec).flatMap(({ volumeMounts, volumeDevices }) =>
      [...(volumeMounts ?? []), ...(volumeDevices ?? [])].map(({ name }) => name),
    ),
  );
  return (pod.spec?.volumes ?? []).filter(({ name }) => used.has(name));
}

/** Why containers can not use the volume the way they want to; undefined when they can. @param mode of the claim's volume */
export function modeMismatch(pod: Pod, { name }: Volume, mode = "Filesystem"): string | undefined {
  const containers = containersOf(pod.spec);
  const isMounted = containers.some(({ volumeMounts }) => (volumeMounts ?? []).some((mount) => mount.name === name));
  const isDevice = containers.some(({ volumeDevices }) => (volumeDevices ?? []).some((device) => device.name === name));
  if (isMounted && mode === "Block") return `volume ${name} has volumeMode ${mode}, but is specified in volumeMounts`;
  if (isDevice && mode !== "Block") return `volume ${name} has volumeMode ${mode}, but is specified in volumeDevices`;
  return undefined;
}
