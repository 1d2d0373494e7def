import type { ClusterRole, ClusterRoleBinding, KubernetesObject, Role, RoleBinding } from "../../api/types.ts";
import type { Authorizer } from "../../core/authz/attributes.ts";
import { createRbacIndex, type RbacIndex, type RbacObject } from "../../core/authz/rbac-index.ts";
import type { Objects } from "../extension.ts";
import { feedObjects } from "./object-view.ts";

export const RBAC_KINDS: readonly string[] = [
  "clusterroles.rbac.authorization.k8s.io",
  "clusterrolebindings.rbac.authorization.k8s.io",
  "roles.rbac.authorization.k8s.io",
  "rolebindings.rbac.authorization.k8s.io",
];

/** Stored objects were checked by their kind's schema, so their shape is known from their collection. */
export function toRbacObject(kind: string, object: KubernetesObject): RbacObject {
  switch (kind) {
    case "clusterroles.rbac.authorization.k8s.io":
      return { kind: "ClusterRole", object: object as ClusterRole };
    case "clusterrolebindings.rbac.authorization.k8s.io":
      return { kind: "ClusterRoleBinding", object: object as unknown as ClusterRoleBinding };
    case "roles.rbac.authorization.k8s.io":
      return { kind: "Role", object: object as Role };
    case "rolebindings.rbac.authorization.k8s.io":
      return { kind: "RoleBinding", object: object as unknown as RoleBinding };
    default:
      throw new RangeError(`no RBAC kind: ${kind}`);
  }
}

export interface RbacAuthorizer {
  readonly authorize: Authorizer;
  /** The index behind it, current. Throws while the server has not loaded its objects. */
  index(): RbacIndex;
}

/** RBAC over the server's own objects. Decisions take no I/O. */
export function createRbacAuthorizer(objects: Objects): RbacAuthorizer {
  const index = createRbacIndex();
  const load = feedObjects(objects, RBAC_KINDS, {
    put: (kind, object) => {
      index.put(toRbacObject(kind, object));
    },
    remove: (kind, object) => {
      index.remove(toRbacObject(kind, object));
    },
  });
  return {
    authorize: async (attributes) => {
      load();
      return index.decide(attributes);
    },
    index() {
      load();
      return index;
    },
  };
}
