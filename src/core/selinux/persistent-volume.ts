import type { PersistentVolume } from "../../api/types.ts";
import type { FibreChannelSource } from "../volumes/fibre-channel.ts";
import { type IscsiSource, portalWithPort } from "../volumes/iscsi.ts";

/** One volume of the cluster, under the name that all objects standing for it share. */
export interface VolumeIdentity {
  /** e.g. `kubernetes.io/csi/driver^handle` */
  readonly volume: string;
  /** e.g. `kubernetes.io/csi/driver`, `kubernetes.io/iscsi` */
  readonly plugin: string;
}

const CSI = "kubernetes.io/csi/";
/** In-tree plugins that mount with a context; all other support is said by CSIDriver objects. */
export const CONTEXT_PLUGINS: readonly string[] = ["kubernetes.io/iscsi", "kubernetes.io/fc"];

export function csiPlugin(driver: string): string {
  return `${CSI}${driver}`;
}

/** The driver of a CSI plugin name; undefined for in-tree plugins. */
export function driverOfPlugin(plugin: string): string | undefined {
  return plugin.startsWith(CSI) ? plugin.slice(CSI.length) : undefined;
}

/**
 * Names the volume behind a PersistentVolume. undefined for what is never mounted with a context: other in-tree plugins
 * and block devices. In-tree volumes that were migrated are those of their CSI driver.
 */
export function volumeIdentityOf({ metadata, spec }: PersistentVolume): VolumeIdentity | undefined {
  if (spec === undefined || spec.volumeMode === "Block") return undefined;
  if (spec.csi !== undefined) return inDriver(spec.csi.driver, spec.csi.volumeHandle);
  const disk = diskIdentityOf(spec);
  if (disk !== undefined) return disk;
  const name = metadata?.name ?? "";
  if (spec.awsElasticBlockStore !== undefined) {
    return inDriver("ebs.csi.aws.com", spec.awsElasticBlockStore.volumeID.replace(/^aws:\/\/[^/]*\//, ""));
  }
  if (spec.gcePersistentDisk !== undefined) return inDriver("pd.csi.storage.gke.io", spec.gcePersistentDisk.pdName);
  if (spec.azureDisk !== undefined) return inDriver("disk.csi.azure.com", spec.azureDisk.diskURI);
  if (spec.azureFile !== undefined) return inDriver("file.csi.azure.com", name);
  if (spec.cinder !== undefined) return inDriver("cinder.csi.openstack.org", spec.cinder.volumeID);
  if (spec.vsphereVolume !== undefined) return inDriver("csi.vsphere.vmware.com", spec.vsphereVolume.volumePath);
  if (spec.portworxVolume !== undefined) return inDriver("pxd.portworx.com", spec.portworxVolume.volumeID);
  return undefined;
}

/** The disk of a storage network that a persistent volume, or a volume in a pod, stands for; undefined for other kinds. */
export function diskIdentityOf({
  iscsi,
  fc,
}: {
  readonly iscsi?: IscsiSource;
  readonly fc?: FibreChannelSource;
}): VolumeIdentity | undefined {
  if (iscsi !== undefined) {
    const { targetPortal, iqn, lun } = iscsi;
    return {
      plugin: "kubernetes.io/iscsi",
      volume: `kubernetes.io/iscsi/${portalWithPort(targetPortal)}:${iqn}:${lun}`,
    };
  }
  if (fc === undefined) return undefined;
  const { targetWWNs = [], lun, wwids = [] } = fc;
  const target =
    targetWWNs.length > 0 && lun !== undefined ? `[${targetWWNs.join(" ")}]:${lun}` : `[${wwids.join(" ")}]`;
  return { plugin: "kubernetes.io/fc", volume: `kubernetes.io/fc/${target}` };
}

function inDriver(driver: string, handle: string): VolumeIdentity {
  return { plugin: csiPlugin(driver), volume: `${csiPlugin(driver)}^${handle}` };
}
