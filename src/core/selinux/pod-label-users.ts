import { containersOf } from "../../api/pod.ts";
import type { Pod } from "../../api/types.ts";
import type { VolumeUser } from "./mount-decision.ts";

/** The containers of a pod that list a volume in their volumeMounts, with their own SELinux options where they have any. */
export function volumeUsersOf(pod: Pod, volume: string): readonly VolumeUser[] {
  return containersOf(pod.spec)
    .filter(({ volumeMounts }) => (volumeMounts ?? []).some(({ name }) => name === volume))
    .map(({ securityContext }) => {
      const options = securityContext?.seLinuxOptions;
      return options === undefined ? {} : { options };
    });
}
