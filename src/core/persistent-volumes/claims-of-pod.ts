import type { PersistentVolumeClaim, Pod, Volume } from "../../api/types.ts";

/** A claim as a pod refers to it. */
export interface PodClaim {
  /** "namespace/name" */
  readonly key: string;
  readonly name: string;
  /** Made for the pod alone, from a template in it. */
  readonly isEphemeral: boolean;
  /** The pod's volume. */
  readonly volume: Volume;
}

/** Claims a pod refers to, those made for its generic ephemeral volumes included. */
export function claimsOfPod({ metadata, spec }: Pod): readonly PodClaim[] {
  const { namespace = "", name: podName = "" } = metadata ?? {};
  return (spec?.volumes ?? []).flatMap((volume) => {
    const isEphemeral = volume.ephemeral !== undefined;
    const name = volume.persistentVolumeClaim?.claimName ?? (isEphemeral ? `${podName}-${volume.name}` : undefined);
    return name === undefined ? [] : [{ key: `${namespace}/${name}`, name, isEphemeral, volume }];
  });
}

export function claimKeysOfPod(pod: Pod): readonly string[] {
  return claimsOfPod(pod).map(({ key }) => key);
}

/** Whether a claim with the name of an ephemeral volume is really the pod's, and not somebody's of the same name. */
export function isOwnedByPod({ metadata }: PersistentVolumeClaim, pod: Pod): boolean {
  const owner = (metadata?.ownerReferences ?? []).find(({ controller }) => controller === true);
  return metadata?.namespace === pod.metadata?.namespace && owner !== undefined && owner.uid === pod.metadata?.uid;
}
