import { failed, ok, type Result } from "../../lib/result.ts";
import type { PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { classOfClaim, isFullyBound } from "../persistent-volumes/claim-and-volume.ts";
import { claimsOfPod, isOwnedByPod } from "../persistent-volumes/claims-of-pod.ts";
import type { StorageView } from "./storage-view.ts";

/** The claims of a pod that can be scheduled. */
export interface PodVolumes {
  readonly bound: readonly PersistentVolumeClaim[];
  /** Their class waits for the pod: where it goes decides what they get. */
  readonly waiting: readonly PersistentVolumeClaim[];
}

/** The claims of a pod, or why it can not run anywhere yet, in upstream's words. */
export function volumesOfPod(pod: Pod, storage: StorageView): Result<PodVolumes> {
  const bound: PersistentVolumeClaim[] = [];
  const waiting: PersistentVolumeClaim[] = [];
  let isUnbound = false;
  const seen = new Set<string>();
  for (const { key, name, isEphemeral } of claimsOfPod(pod)) {
    if (seen.has(key)) continue;
    seen.add(key);
    const claim = storage.claim(key);
    const why = whyUnusable(pod, name, isEphemeral, claim);
    if (why !== undefined || claim === undefined) return failed(why ?? "");
    if (isFullyBound(claim)) bound.push(claim);
    else if (isWaiting(claim, storage)) waiting.push(claim);
    else isUnbound = true;
  }
  return isUnbound ? failed("pod has unbound immediate PersistentVolumeClaims") : ok({ bound, waiting });
}

function isWaiting(claim: PersistentVolumeClaim, storage: StorageView): boolean {
  // Who names a volume does not care where the pod goes.
  if ((claim.spec?.volumeName ?? "") !== "") return false;
  return storage.storageClass(classOfClaim(claim))?.volumeBindingMode === "WaitForFirstConsumer";
}

function whyUnusable(
  pod: Pod,
  name: string,
  isEphemeral: boolean,
  claim: PersistentVolumeClaim | undefined,
): string | undefined {
  if (claim === undefined) {
    return isEphemeral
      ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
      : `persistentvolumeclaim "${name}" not found`;
  }
  if (claim.status?.phase === "Lost") {
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ""}"`;
  }
  if (claim.metadata?.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
  if (isEphemeral && !isOwnedByPod(claim, pod)) {
    const { namespace = "", name: podName = "" } = pod.metadata ?? {};
    return `PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`;
  }
  return undefined;
}
