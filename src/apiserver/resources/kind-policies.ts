import type { CollectionName } from "../storage/storage.ts";

/** "pods", "roles.rbac.authorization.k8s.io": how kinds are named in tables and texts. */
export function qualifiedName({ group, resource }: CollectionName): string {
  return group === "" ? resource : `${resource}.${group}`;
}

/** Kinds that a PUT creates when they are not there. */
const CREATED_BY_UPDATE: ReadonlySet<string> = new Set([
  "endpoints",
  "events",
  "limitranges",
  "services",
  "leases.coordination.k8s.io",
  "clusterrolebindings.rbac.authorization.k8s.io",
  "clusterroles.rbac.authorization.k8s.io",
  "rolebindings.rbac.authorization.k8s.io",
  "roles.rbac.authorization.k8s.io",
]);

/** Kinds whose update must name the version it was made from. */
const VERSION_REQUIRED: ReadonlySet<string> = new Set([
  "leases.coordination.k8s.io",
  "runtimeclasses.node.k8s.io",
  "csidrivers.storage.k8s.io",
  "csinodes.storage.k8s.io",
  "volumeattachments.storage.k8s.io",
  "poddisruptionbudgets.policy",
]);

/** Kinds whose DELETE answers with the object rather than a Status. */
const RETURNED_WHEN_DELETED: ReadonlySet<string> = new Set([
  "namespaces",
  "persistentvolumeclaims",
  "persistentvolumes",
  "pods",
  "podtemplates",
  "resourcequotas",
  "serviceaccounts",
  "services",
  "csidrivers.storage.k8s.io",
  "csinodes.storage.k8s.io",
  "storageclasses.storage.k8s.io",
  "volumeattachments.storage.k8s.io",
]);

/** Kinds that go by themselves some time after they were last written. */
const LIFETIMES: ReadonlyMap<string, number> = new Map([
  ["events", 3_600_000],
  ["events.events.k8s.io", 3_600_000],
]);

export function isCreatedByUpdate(kind: CollectionName): boolean {
  return CREATED_BY_UPDATE.has(qualifiedName(kind));
}

export function requiresVersionInUpdate(kind: CollectionName): boolean {
  return VERSION_REQUIRED.has(qualifiedName(kind));
}

export function isReturnedWhenDeleted(kind: CollectionName): boolean {
  return RETURNED_WHEN_DELETED.has(qualifiedName(kind));
}

/** Milliseconds; undefined for kinds that stay until they are deleted. */
export function lifetimeOf(kind: CollectionName): number | undefined {
  return LIFETIMES.get(qualifiedName(kind));
}
