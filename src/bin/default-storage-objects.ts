import { LOOP_DRIVER } from "../api/loop-driver.ts";
import { DEFAULT_CLASS_ANNOTATION } from "../api/default-storage-class.ts";
import type { ClusterRole, ClusterRoleBinding, CSIDriver, ServiceAccount, StorageClass } from "../api/types.ts";

export const STORAGE_NAMESPACE = "kube-system";
export const STORAGE_ACCOUNT = "orlop-csi-driver";
const ROLE = "orlop:csi-driver";

// The same as deploy/csi-driver; a test compares them.

export const CSI_DRIVER: CSIDriver = {
  apiVersion: "storage.k8s.io/v1",
  kind: "CSIDriver",
  metadata: { name: LOOP_DRIVER },
  spec: {
    attachRequired: false,
    podInfoOnMount: true,
    fsGroupPolicy: "File",
    seLinuxMount: true,
    volumeLifecycleModes: ["Persistent", "Ephemeral"],
  },
};

export const STORAGE_CLASS: StorageClass = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: "orlop-loop", annotations: { [DEFAULT_CLASS_ANNOTATION]: "true" } },
  provisioner: LOOP_DRIVER,
  parameters: { "csi.storage.k8s.io/fstype": "ext4" },
  reclaimPolicy: "Delete",
  volumeBindingMode: "WaitForFirstConsumer",
  allowVolumeExpansion: true,
};

export const SERVICE_ACCOUNT: ServiceAccount = {
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: STORAGE_ACCOUNT, namespace: STORAGE_NAMESPACE },
};

export const CLUSTER_ROLE: ClusterRole = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name: ROLE },
  rules: [
    {
      apiGroups: [""],
      resources: ["persistentvolumes"],
      verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
    },
    { apiGroups: [""], resources: ["persistentvolumeclaims"], verbs: ["list", "patch", "watch"] },
    { apiGroups: [""], resources: ["persistentvolumeclaims/status"], verbs: ["patch"] },
    { apiGroups: ["storage.k8s.io"], resources: ["storageclasses"], verbs: ["list", "watch"] },
    { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
  ],
};

export const CLUSTER_ROLE_BINDING: ClusterRoleBinding = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name: ROLE },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: ROLE },
  subjects: [{ kind: "ServiceAccount", name: STORAGE_ACCOUNT, namespace: STORAGE_NAMESPACE }],
};
