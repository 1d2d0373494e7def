import type * as api from "../api/types.ts";

/** What every object that travels has. */
export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: api.ObjectMeta;
}

/** An object of which only the metadata is known. */
export type PartialObject = ApiObject;

declare const OBJECT: unique symbol;

/** Names a resource of the API and, to the compiler, the type of its objects. */
export interface Resource<T extends ApiObject = ApiObject> {
  /** "" is the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, as in URLs. */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never present; ties T to the value. */
  readonly [OBJECT]?: T;
}

export function defineResource<T extends ApiObject>(
  group: string,
  version: string,
  resource: string,
  kind: string,
  namespaced: boolean,
): Resource<T> {
  return { group, version, resource, kind, namespaced };
}

/** "v1" or "apps/v1". */
export function apiVersionOf(resource: Pick<Resource, "group" | "version">): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** "pods" or "leases.coordination.k8s.io": unique among resources of one version. */
export function resourceName(resource: Pick<Resource, "group" | "resource">): string {
  return resource.group === "" ? resource.resource : `${resource.resource}.${resource.group}`;
}

/** "namespace/name", or "name" for cluster scope. The key of caches and work queues. */
export function keyOf(object: ApiObject): string {
  const namespace = object.metadata?.namespace ?? "";
  const name = object.metadata?.name ?? "";
  return namespace === "" ? name : `${namespace}/${name}`;
}

export interface ObjectKey {
  /** Absent or "" for cluster scope. */
  readonly namespace?: string;
  readonly name: string;
}

/** Takes apart what `keyOf` made. */
export function parseKey(key: string): ObjectKey {
  const slash = key.indexOf("/");
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

const core = <T extends ApiObject>(resource: string, kind: string, namespaced = true): Resource<T> =>
  defineResource<T>("", "v1", resource, kind, namespaced);

export const NAMESPACES = core<api.Namespace>("namespaces", "Namespace", false);
export const NODES = core<api.Node>("nodes", "Node", false);
export const PODS = core<api.Pod>("pods", "Pod");
export const SECRETS = core<api.Secret>("secrets", "Secret");
export const CONFIG_MAPS = core<api.ConfigMap>("configmaps", "ConfigMap");
export const SERVICES = core<api.Service>("services", "Service");
export const SERVICE_ACCOUNTS = core<api.ServiceAccount>("serviceaccounts", "ServiceAccount");
export const EVENTS = core<api.CoreEvent>("events", "Event");
export const PERSISTENT_VOLUMES = core<api.PersistentVolume>("persistentvolumes", "PersistentVolume", false);
export const PERSISTENT_VOLUME_CLAIMS = core<api.PersistentVolumeClaim>(
  "persistentvolumeclaims",
  "PersistentVolumeClaim",
);

export const LEASES = defineResource<api.Lease>("coordination.k8s.io", "v1", "leases", "Lease", true);
export const RUNTIME_CLASSES = defineResource<api.RuntimeClass>(
  "node.k8s.io",
  "v1",
  "runtimeclasses",
  "RuntimeClass",
  false,
);
export const PRIORITY_CLASSES = defineResource<api.PriorityClass>(
  "scheduling.k8s.io",
  "v1",
  "priorityclasses",
  "PriorityClass",
  false,
);
export const CERTIFICATE_SIGNING_REQUESTS = defineResource<api.CertificateSigningRequest>(
  "certificates.k8s.io",
  "v1",
  "certificatesigningrequests",
  "CertificateSigningRequest",
  false,
);

const STORAGE = "storage.k8s.io";
export const STORAGE_CLASSES = defineResource<api.StorageClass>(STORAGE, "v1", "storageclasses", "StorageClass", false);
export const VOLUME_ATTRIBUTES_CLASSES = defineResource<api.VolumeAttributesClass>(
  STORAGE,
  "v1",
  "volumeattributesclasses",
  "VolumeAttributesClass",
  false,
);
export const CSI_DRIVERS = defineResource<api.CSIDriver>(STORAGE, "v1", "csidrivers", "CSIDriver", false);
export const CSI_NODES = defineResource<api.CSINode>(STORAGE, "v1", "csinodes", "CSINode", false);
export const CSI_STORAGE_CAPACITIES = defineResource<api.CSIStorageCapacity>(
  STORAGE,
  "v1",
  "csistoragecapacities",
  "CSIStorageCapacity",
  true,
);
export const VOLUME_ATTACHMENTS = defineResource<api.VolumeAttachment>(
  STORAGE,
  "v1",
  "volumeattachments",
  "VolumeAttachment",
  false,
);

const RBAC = "rbac.authorization.k8s.io";
export const ROLES = defineResource<api.Role>(RBAC, "v1", "roles", "Role", true);
export const ROLE_BINDINGS = defineResource<api.RoleBinding>(RBAC, "v1", "rolebindings", "RoleBinding", true);
export const CLUSTER_ROLES = defineResource<api.ClusterRole>(RBAC, "v1", "clusterroles", "ClusterRole", false);
export const CLUSTER_ROLE_BINDINGS = defineResource<api.ClusterRoleBinding>(
  RBAC,
  "v1",
  "clusterrolebindings",
  "ClusterRoleBinding",
  false,
);

// Reviews store nothing: they are only created, the answer is the review with its status.
const AUTHENTICATION = "authentication.k8s.io";
export const TOKEN_REVIEWS = defineResource<api.TokenReview>(
  AUTHENTICATION,
  "v1",
  "tokenreviews",
  "TokenReview",
  false,
);
const AUTHORIZATION = "authorization.k8s.io";
export const SUBJECT_ACCESS_REVIEWS = defineResource<api.SubjectAccessReview>(
  AUTHORIZATION,
  "v1",
  "subjectaccessreviews",
  "SubjectAccessReview",
  false,
);
