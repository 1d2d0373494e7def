import { failed, ok, type Result } from "../../lib/result.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types.ts";

/** Volumes of claims, looked up by "namespace/name" and by name. */
export interface VolumeLookup {
  claim(key: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
}

/**
 * The persistent volumes a pod needs, or why it can not run anywhere yet, in upstream's words. Claims must be bound
 * before: nothing is bound while scheduling.
 */
export function volumesOfPod(pod: Pod, lookup: VolumeLookup): Result<readonly PersistentVolume[]> {
  const { namespace = "", name = "" } = pod.metadata ?? {};
  const volumes: PersistentVolume[] = [];
  let unbound = false;
  for (const volume of pod.spec?.volumes ?? []) {
    const claimName = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral && `${name}-${volume.name}`);
    if (claimName === undefined) continue;
    const claim = lookup.claim(`${namespace}/${claimName}`);
    if (claim === undefined) return failed(`persistentvolumeclaim "${claimName}" not found`);
    if (claim.metadata?.deletionTimestamp !== undefined) {
      return failed(`persistentvolumeclaim "${claimName}" is being deleted`);
    }
    const bound = lookup.volume(claim.spec?.volumeName ?? "");
    if (claim.status?.phase === "Lost") {
      return failed(
        `persistentvolumeclaim "${claimName}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ""}"`,
      );
    }
    if (claim.status?.phase === "Bound" && bound !== undefined) volumes.push(bound);
    else unbound = true;
  }
  return unbound ? failed("pod has unbound immediate PersistentVolumeClaims") : ok(volumes);
}
