/**
 * Kubernetes objects as they travel on the wire (JSON): times are RFC 3339 strings, everything is read-only.
 * Taken from the official client's declarations so that names and optionality follow upstream.
 */
import type * as client from "@kubernetes/client-node";

/** JSON form of a declared model: Date becomes string, deep read-only. */
export type Wire<T> = T extends Date
  ? string
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends readonly (infer U)[]
      ? readonly Wire<U>[]
      : T extends object
        ? { readonly [K in keyof T]: Wire<T[K]> }
        : T;

/** A value nobody has checked: every field may be missing, whatever the declaration says. */
export type Unchecked<T> = T extends readonly (infer U)[]
  ? readonly Unchecked<U>[]
  : T extends object
    ? { readonly [K in keyof T]?: Unchecked<T[K]> | undefined }
    : T;

export type ObjectMeta = Wire<client.V1ObjectMeta>;
export type OwnerReference = Wire<client.V1OwnerReference>;
export type Status = Wire<client.V1Status>;
export type LabelSelector = Wire<client.V1LabelSelector>;

export type Namespace = Wire<client.V1Namespace>;
export type Node = Wire<client.V1Node>;
export type NodeStatus = Wire<client.V1NodeStatus>;
export type NodeCondition = Wire<client.V1NodeCondition>;
export type Pod = Wire<client.V1Pod>;
export type PodSpec = Wire<client.V1PodSpec>;
export type PodStatus = Wire<client.V1PodStatus>;
export type PodCondition = Wire<client.V1PodCondition>;
export type Container = Wire<client.V1Container>;
export type EphemeralContainer = Wire<client.V1EphemeralContainer>;
export type ContainerStatus = Wire<client.V1ContainerStatus>;
export type ContainerState = Wire<client.V1ContainerState>;
export type Volume = Wire<client.V1Volume>;
export type VolumeMount = Wire<client.V1VolumeMount>;
export type Probe = Wire<client.V1Probe>;
export type Lifecycle = Wire<client.V1Lifecycle>;
export type LifecycleHandler = Wire<client.V1LifecycleHandler>;
export type SecurityContext = Wire<client.V1SecurityContext>;
export type PodSecurityContext = Wire<client.V1PodSecurityContext>;
export type Toleration = Wire<client.V1Toleration>;
export type Taint = Wire<client.V1Taint>;
export type EnvVar = Wire<client.V1EnvVar>;
export type KeyToPath = Wire<client.V1KeyToPath>;
export type Secret = Wire<client.V1Secret>;
export type ConfigMap = Wire<client.V1ConfigMap>;
export type Service = Wire<client.V1Service>;
export type Endpoints = Wire<client.V1Endpoints>;
export type ServiceAccount = Wire<client.V1ServiceAccount>;
export type CoreEvent = Wire<client.CoreV1Event>;
export type PersistentVolume = Wire<client.V1PersistentVolume>;
export type PersistentVolumeClaim = Wire<client.V1PersistentVolumeClaim>;
export type Lease = Wire<client.V1Lease>;
export type RuntimeClass = Wire<client.V1RuntimeClass>;
export type PriorityClass = Wire<client.V1PriorityClass>;
export type StorageClass = Wire<client.V1StorageClass>;
export type VolumeAttributesClass = Wire<client.V1VolumeAttributesClass>;
export type CSIDriver = Wire<client.V1CSIDriver>;
export type CSINode = Wire<client.V1CSINode>;
export type VolumeAttachment = Wire<client.V1VolumeAttachment>;
export type CertificateSigningRequest = Wire<client.V1CertificateSigningRequest>;

export type Role = Wire<client.V1Role>;
export type ClusterRole = Wire<client.V1ClusterRole>;
export type RoleBinding = Wire<client.V1RoleBinding>;
export type ClusterRoleBinding = Wire<client.V1ClusterRoleBinding>;
export type PolicyRule = Wire<client.V1PolicyRule>;
export type RoleRef = Wire<client.V1RoleRef>;
export type Subject = Wire<client.RbacV1Subject>;

export type TokenReview = Wire<client.V1TokenReview>;
export type TokenRequest = Wire<client.AuthenticationV1TokenRequest>;
export type SubjectAccessReview = Wire<client.V1SubjectAccessReview>;
export type LocalSubjectAccessReview = Wire<client.V1LocalSubjectAccessReview>;
export type SelfSubjectAccessReview = Wire<client.V1SelfSubjectAccessReview>;
export type SelfSubjectRulesReview = Wire<client.V1SelfSubjectRulesReview>;

/** Any object with metadata; what generic code works on. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
  readonly [field: string]: unknown;
}

export type EndpointSlice = Wire<client.V1EndpointSlice>;
export type PodDisruptionBudget = Wire<client.V1PodDisruptionBudget>;
export type PodTemplate = Wire<client.V1PodTemplate>;
export type ResourceQuota = Wire<client.V1ResourceQuota>;
export type CSIStorageCapacity = Wire<client.V1CSIStorageCapacity>;
