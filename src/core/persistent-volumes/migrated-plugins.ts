import type { PersistentVolume } from "../../api/types.ts";

type Spec = NonNullable<PersistentVolume["spec"]>;

interface MigratedPlugin {
  readonly plugin: string;
  readonly driver: string;
  /** Field of a volume's spec. */
  readonly source: keyof Spec;
}

/** In-tree plugins whose work a CSI driver does in every version of Kubernetes that Orlop knows. */
const MIGRATED: readonly MigratedPlugin[] = [
  { plugin: "kubernetes.io/aws-ebs", driver: "ebs.csi.aws.com", source: "awsElasticBlockStore" },
  { plugin: "kubernetes.io/azure-disk", driver: "disk.csi.azure.com", source: "azureDisk" },
  { plugin: "kubernetes.io/azure-file", driver: "file.csi.azure.com", source: "azureFile" },
  { plugin: "kubernetes.io/cinder", driver: "cinder.csi.openstack.org", source: "cinder" },
  { plugin: "kubernetes.io/gce-pd", driver: "pd.csi.storage.gke.io", source: "gcePersistentDisk" },
  { plugin: "kubernetes.io/portworx-volume", driver: "pxd.portworx.com", source: "portworxVolume" },
  { plugin: "kubernetes.io/vsphere-volume", driver: "csi.vsphere.vmware.com", source: "vsphereVolume" },
];

/** The CSI driver for an in-tree plugin, e.g. `kubernetes.io/aws-ebs`; undefined for what was never in-tree. */
export function migratedDriver(plugin: string): string | undefined {
  return MIGRATED.find((each) => each.plugin === plugin)?.driver;
}

/** The in-tree plugin of a volume and the CSI driver that stands in for it. */
export function migratedPluginOf({ spec }: PersistentVolume): MigratedPlugin | undefined {
  return MIGRATED.find(({ source }) => spec?.[source] !== undefined);
}
