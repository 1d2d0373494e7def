import { certificateSigningRequestKind } from "./certificates/certificate-signing-requests.ts";
import { leaseKind } from "./coordination/leases.ts";
import { configMapKind } from "./core/config-maps.ts";
import { endpointsKind } from "./core/endpoints.ts";
import { eventKind } from "./core/events.ts";
import { namespaceKind } from "./core/namespaces.ts";
import { nodeKind } from "./core/nodes.ts";
import { persistentVolumeClaimKind } from "./core/persistent-volume-claims.ts";
import { persistentVolumeKind } from "./core/persistent-volumes.ts";
import { limitRangeKind, podTemplateKind, resourceQuotaKind } from "./core/plain-kinds.ts";
import { secretKind } from "./core/secrets.ts";
import { serviceAccountKind } from "./core/service-accounts.ts";
import { serviceKind } from "./core/services.ts";
import type { KindDefinition } from "./definition.ts";
import { endpointSliceKind } from "./discovery/endpoint-slices.ts";
import { runtimeClassKind } from "./node/runtime-classes.ts";
import { podKind } from "./pods/pods.ts";
import { podDisruptionBudgetKind } from "./policy/pod-disruption-budgets.ts";
import { clusterRoleBindingKind, roleBindingKind } from "./rbac/role-bindings.ts";
import { clusterRoleKind, roleKind } from "./rbac/roles.ts";
import { priorityClassKind } from "./scheduling/priority-classes.ts";
import { csiDriverKind } from "./storage/csi-drivers.ts";
import { csiNodeKind } from "./storage/csi-nodes.ts";
import { csiStorageCapacityKind } from "./storage/csi-storage-capacities.ts";
import { storageClassKind } from "./storage/storage-classes.ts";
import { volumeAttachmentKind } from "./storage/volume-attachments.ts";
import { volumeAttributesClassKind } from "./storage/volume-attributes-classes.ts";

/** Every kind the API server stores. */
export const KINDS: readonly KindDefinition[] = [
  namespaceKind,
  nodeKind,
  podKind,
  serviceAccountKind,
  secretKind,
  configMapKind,
  eventKind,
  serviceKind,
  endpointsKind,
  persistentVolumeKind,
  persistentVolumeClaimKind,
  podTemplateKind,
  limitRangeKind,
  resourceQuotaKind,
  leaseKind,
  roleKind,
  clusterRoleKind,
  roleBindingKind,
  clusterRoleBindingKind,
  csiDriverKind,
  csiNodeKind,
  csiStorageCapacityKind,
  storageClassKind,
  volumeAttachmentKind,
  volumeAttributesClassKind,
  runtimeClassKind,
  certificateSigningRequestKind,
  priorityClassKind,
  endpointSliceKind,
  podDisruptionBudgetKind,
];
