import { isTerminalPhase } from "../../api/pod.ts";
import type { PersistentVolume, Pod } from "../../api/types.ts";
import { driverOfPlugin, volumeIdentityOf } from "../selinux/persistent-volume.ts";

/** A volume that must be attached to a node before it is mounted there. */
export interface AttachableVolume {
  /** Its unique name in the cluster, as nodes report it, e.g. `kubernetes.io/csi/driver^handle`. */
  readonly name: string;
  /** Absent for the in-tree plugins iscsi and fc: their nodes do all the work, but are told by the same report. */
  readonly csi?: { readonly driver: string; readonly handle: string };
}

/** undefined for what nodes mount without help, as host paths and NFS. */
export function attachableVolumeOf(volume: PersistentVolume): AttachableVolume | undefined {
  // Block devices are attached as file systems are.
  const identity = volumeIdentityOf({ ...volume, spec: { ...volume.spec, volumeMode: "Filesystem" } });
  if (identity === undefined) return undefined;
  const driver = driverOfPlugin(identity.plugin);
  if (driver === undefined) return { name: identity.volume };
  return { name: identity.volume, csi: { driver, handle: identity.volume.slice(identity.plugin.length + 1) } };
}

/** Names of the attachable volumes that stand in a pod itself. */
export function inlineVolumesOf(pod: Pod): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap(({ iscsi, fc }) => {
    if (iscsi !== undefined) return attachableVolumeOf({ spec: { iscsi } })?.name ?? [];
    return fc === undefined ? [] : (attachableVolumeOf({ spec: { fc } })?.name ?? []);
  });
}

/** Whether several nodes may have the volume at a time. One that says nothing about that is left to its driver. */
export function isSharable({ spec }: PersistentVolume): boolean {
  const modes = spec?.accessModes ?? [];
  return modes.length === 0 || modes.some((mode) => mode === "ReadWriteMany" || mode === "ReadOnlyMany");
}

type Statuses = NonNullable<NonNullable<Pod["status"]>["containerStatuses"]> | undefined;

/** Whether a pod has no more use for its volumes. */
export function isDoneWithVolumes({ metadata, status }: Pod): boolean {
  if (isTerminalPhase(status?.phase)) return true;
  if (metadata?.deletionTimestamp === undefined) return false;
  const isStill = (statuses: Statuses): boolean =>
    (statuses ?? []).every(({ state }) => state?.terminated !== undefined || state?.waiting !== undefined);
  return (
    isStill(status?.initContainerStatuses) &&
    isStill(status?.containerStatuses) &&
    isStill(status?.ephemeralContainerStatuses)
  );
}
