import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "../../api/types.ts";

/** One volume of one pod that is not the pod's own: a persistent volume, or a CSI volume that stands in the pod. */
export interface NodeVolumeSpec {
  /** The name all pods and other kubelets know it by, e.g. `kubernetes.io/csi/DRIVER^HANDLE`. */
  readonly id: string;
  /** As metrics name it, e.g. `kubernetes.io/csi/DRIVER`, `kubernetes.io/iscsi`. */
  readonly pluginName: string;
  /** Name of the persistent volume, or of the volume in the pod. */
  readonly specName: string;
  readonly pod: Pod;
  /** As it stands in the pod. */
  readonly volume: Volume;
  readonly persistentVolume?: PersistentVolume;
  readonly claim?: PersistentVolumeClaim;
  readonly readOnly: boolean;
}

/** Whether it is handed to containers as a raw block device. */
export function isBlock({ persistentVolume }: NodeVolumeSpec): boolean {
  return persistentVolume?.spec?.volumeMode === "Block";
}

/** A label to mount with, as it goes into the option; "" for none. */
export type ContextText = string;

export interface PodMount {
  /** Where containers are bound to, or the device they get. */
  readonly path: string;
  /** Whether files can be given labels one by one. */
  readonly relabel: boolean;
}

/** What is left of an earlier life of the kubelet. Whether any of it is mounted now is not known. */
export interface FoundVolumes {
  readonly devices: readonly { readonly id: string; readonly pluginName: string; readonly context: ContextText }[];
  readonly mounts: readonly {
    readonly id: string;
    readonly pluginName: string;
    readonly podUid: string;
    readonly specName: string;
    readonly context: ContextText;
  }[];
}

export interface MountAttempt {
  readonly context: ContextText;
  /** Nothing was there before: what a failed attempt made may be removed. */
  readonly fresh: boolean;
}

/**
 * One kind of volume. Every call may find its work done already, or half done. A failure that may have left something
 * mounted says so (`mayHaveHappened`). Calls for one volume come one after the other.
 */
export interface NodeVolumePlugin {
  /** Whether this volume has a mount that pods share. */
  hasDevice(spec: NodeVolumeSpec, signal: AbortSignal): Promise<boolean>;
  /** Whether a controller has to attach it to the node first. */
  needsAttachment(spec: NodeVolumeSpec, signal: AbortSignal): Promise<boolean>;
  supportsContext(spec: NodeVolumeSpec, signal: AbortSignal): Promise<boolean>;
  mountDevice(spec: NodeVolumeSpec, attempt: MountAttempt, signal: AbortSignal): Promise<void>;
  mountPod(spec: NodeVolumeSpec, attempt: MountAttempt, signal: AbortSignal): Promise<PodMount>;
  unmountPod(target: { readonly podUid: string; readonly specName: string }, signal: AbortSignal): Promise<void>;
  unmountDevice(id: string, signal: AbortSignal): Promise<void>;
  /** What lies on disk and in the mount table. Throws when it can not tell. */
  find(signal: AbortSignal): Promise<FoundVolumes>;
}
