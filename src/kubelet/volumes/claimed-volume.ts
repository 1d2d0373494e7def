import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "../../api/types.ts";
import { isOwnedByPod } from "../../core/persistent-volumes/claims-of-pod.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from "../../machinery/resources.ts";

const PROTECTION = "kubernetes.io/pvc-protection";

/** The claim a volume refers to, by its own name or as the pod's generic ephemeral volume. */
export function claimNameOf(
  pod: Pod,
  volume: Volume,
): { readonly name: string; readonly readOnly: boolean; readonly ephemeral: boolean } | undefined {
  if (volume.persistentVolumeClaim !== undefined) {
    const { claimName, readOnly = false } = volume.persistentVolumeClaim;
    return { name: claimName, readOnly, ephemeral: false };
  }
  if (volume.ephemeral === undefined) return undefined;
  return { name: `${pod.metadata?.name ?? ""}-${volume.name}`, readOnly: false, ephemeral: true };
}

/** Why the claim can not be used by the pod yet; undefined when it can. */
export function claimProblem(claim: PersistentVolumeClaim, pod: Pod, ephemeral: boolean): string | undefined {
  const name = `${claim.metadata?.namespace ?? ""}/${claim.metadata?.name ?? ""}`;
  if (ephemeral && !isOwnedByPod(claim, pod))
    return `PVC ${name} was not created for pod ${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""} (pod is not owner)`;
  const isProtected = claim.metadata?.finalizers?.includes(PROTECTION) === true;
  // With the finalizer it stays as long as its pods: those that were started with it may start again.
  if (claim.metadata?.deletionTimestamp !== undefined && !isProtected) return "PVC is being deleted";
  const volumeName = claim.spec?.volumeName ?? "";
  const phase = claim.status?.phase ?? "";
  if (phase !== "Bound" || volumeName === "") {
    return `PVC ${name} has non-bound phase (${JSON.stringify(phase)}) or empty pvc.Spec.VolumeName (${JSON.stringify(volumeName)})`;
  }
  return undefined;
}

/** Why the persistent volume is not the claim's; undefined when it is. */
export function volumeProblem(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  const reference = volume.spec?.claimRef;
  if (reference?.uid === claim.metadata?.uid && reference !== undefined) return undefined;
  return `persistent volume ${volume.metadata?.name ?? ""} is bound to ${reference?.namespace ?? ""}/${reference?.name ?? ""} (uid ${reference?.uid ?? ""}), not to this claim`;
}

/** A claim of a pod and the persistent volume that is bound to it. */
export interface ClaimedVolume {
  readonly claim: PersistentVolumeClaim;
  readonly volume: PersistentVolume;
}

/** Finds the persistent volume behind a claim of the pod. Throws OrlopError (with retry) while it is not bound. */
export async function findClaimedVolume(
  client: Pick<ClusterClient, "get">,
  pod: Pod,
  claimName: { readonly name: string; readonly ephemeral: boolean },
  signal: AbortSignal,
): Promise<ClaimedVolume> {
  const namespace = pod.metadata?.namespace ?? "";
  const { name } = claimName;
  const fail = (text: string, cause?: unknown): OrlopError =>
    new OrlopError("Unavailable", `error processing PVC ${namespace}/${name}: ${text}`, { cause });
  const claim = await client.get(PERSISTENT_VOLUME_CLAIMS, { namespace, name }, signal).catch((reason: unknown) => {
    throw fail(`failed to fetch PVC from API server: ${messageOf(reason)}`, reason);
  });
  const problem = claimProblem(claim, pod, claimName.ephemeral);
  if (problem !== undefined) throw fail(problem);
  const volumeName = claim.spec?.volumeName ?? "";
  const volume = await client.get(PERSISTENT_VOLUMES, { name: volumeName }, signal).catch((reason: unknown) => {
    throw fail(`failed to fetch PV ${volumeName} from API server: ${messageOf(reason)}`, reason);
  });
  const mismatch = volumeProblem(volume, claim);
  if (mismatch !== undefined) throw fail(mismatch);
  return { claim, volume };
}
