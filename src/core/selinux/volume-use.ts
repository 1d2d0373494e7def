import type { VolumeLabelling } from "./conflict-rule.ts";
import type { RecursiveReason } from "./volume-demand.ts";

/** A pod by what stays the same while it lives; a pod made again under the same name is another one. */
export interface IndexedPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

export interface VolumeUse extends VolumeLabelling {
  /** Unique name of the volume in the cluster, e.g. `kubernetes.io/csi/driver^handle`. */
  readonly volume: string;
  /** Plugin, `kubernetes.io/csi/<driver>` for CSI. */
  readonly plugin: string;
  readonly persistentVolume?: string;
  readonly claim?: ClaimName;
  /** Of the PersistentVolume. */
  readonly accessModes?: readonly string[];
  /** Why it is relabelled recursively, where it is. */
  readonly because?: RecursiveReason;
  /** The context among the mountOptions of the PersistentVolume, where it has one. */
  readonly fixedContext?: string;
}

export interface ClaimName {
  readonly namespace: string;
  readonly name: string;
}

export interface VolumeMember {
  readonly pod: IndexedPod;
  readonly use: VolumeUse;
}

/** Whether both come by the same claim and PersistentVolume. */
export function isSameClaim(one: VolumeUse, other: VolumeUse): boolean {
  return (
    one.persistentVolume === other.persistentVolume &&
    one.claim?.namespace === other.claim?.namespace &&
    one.claim?.name === other.claim?.name
  );
}

export function sameUse(before: VolumeUse | undefined, after: VolumeUse): boolean {
  return before !== undefined && JSON.stringify(before) === JSON.stringify(after);
}
