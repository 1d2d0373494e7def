/** In-tree plugins whose work a CSI driver does in every version of Kubernetes that Orlop knows. */
const DRIVERS: ReadonlyMap<string, string> = new Map([
  ["kubernetes.io/aws-ebs", "ebs.csi.aws.com"],
  ["kubernetes.io/azure-disk", "disk.csi.azure.com"],
  ["kubernetes.io/azure-file", "file.csi.azure.com"],
  ["kubernetes.io/cinder", "cinder.csi.openstack.org"],
  ["kubernetes.io/gce-pd", "pd.csi.storage.gke.io"],
  ["kubernetes.io/portworx-volume", "pxd.portworx.com"],
  ["kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"],
]);

/** The CSI driver for an in-tree plugin, e.g. `kubernetes.io/aws-ebs`; undefined for what was never in-tree. */
export function migratedDriver(plugin: string): string | undefined {
  return DRIVERS.get(plugin);
}
