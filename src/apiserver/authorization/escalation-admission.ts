import { forbidden, notFound, type ResourceName } from "../../api/status-error.ts";
import type { ClusterRole, ClusterRoleBinding, KubernetesObject, Role, RoleBinding } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import type { Authorizer, ResourceAttributes } from "../../core/authz/attributes.ts";
import {
  type EscalationVerdict,
  mayBind,
  mayWriteRole,
  PRIVILEGED_GROUP,
  RBAC_GROUP,
} from "../../core/authz/escalation.ts";
import type { RbacIndex } from "../../core/authz/rbac-index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../extension.ts";
import { sameContent } from "./same-content.ts";

export interface EscalationDeps {
  readonly authorize: Authorizer;
  readonly rbac: () => RbacIndex;
}

/** Fields that garbage collection and bookkeeping change; nobody gains anything by them. */
const UNGUARDED_METADATA: ReadonlySet<string> = new Set([
  "ownerReferences",
  "finalizers",
  "managedFields",
  "selfLink",
  "resourceVersion",
]);

function guarded(object: KubernetesObject): unknown {
  const metadata = Object.entries(object.metadata ?? {}).filter(([field]) => !UNGUARDED_METADATA.has(field));
  return { ...object, metadata: Object.fromEntries(metadata) };
}

function changesOnlyBookkeeping({ object, old }: AdmissionRequest): boolean {
  if (object === undefined || old === undefined) return false;
  return sameContent(guarded(object), guarded(old));
}

/**
 * Nobody may write a role with permissions, or bind one, that they do not hold themselves, unless they were given the
 * verbs "escalate" and "bind" for exactly that.
 */
export function escalationAdmission({ authorize, rbac }: EscalationDeps): AdmissionPlugin {
  const granted = async (
    user: User,
    what: Pick<ResourceAttributes, "verb" | "resource" | "namespace" | "name">,
  ): Promise<boolean> => {
    const attributes: ResourceAttributes = {
      type: "resource",
      user,
      group: RBAC_GROUP,
      version: "*",
      subresource: "",
      ...what,
    };
    return (await authorize(attributes, new AbortController().signal)).decision === "allow";
  };

  const checkRole = async ({
    user,
    operation,
    kind,
    namespace,
    name,
    object,
    old,
  }: AdmissionRequest): Promise<EscalationVerdict> => {
    // A create names nothing in its URL, so "escalate" limited to names does not help there.
    const target = operation === "create" ? "" : name;
    if (await granted(user, { verb: "escalate", resource: kind.resource, namespace, name: target })) {
      return { type: "allowed" };
    }
    return mayWriteRole(rbac(), user, namespace, object as Role | ClusterRole, old as Role | ClusterRole | undefined);
  };

  const checkBinding = async ({ user, namespace, object }: AdmissionRequest): Promise<EscalationVerdict> => {
    const { roleRef } = object as unknown as RoleBinding | ClusterRoleBinding;
    const resource = roleRef.kind === "Role" ? "roles" : "clusterroles";
    if (await granted(user, { verb: "bind", resource, namespace, name: roleRef.name })) return { type: "allowed" };
    return mayBind(rbac(), user, namespace, roleRef);
  };

  return {
    name: "PrivilegeEscalation",
    async validate(request) {
      const { kind, operation, subresource, user, name, object } = request;
      if (kind.group !== RBAC_GROUP || subresource !== "" || object === undefined) return undefined;
      if (operation !== "create" && operation !== "update") return undefined;
      if (user.groups.includes(PRIVILEGED_GROUP) || changesOnlyBookkeeping(request)) return undefined;
      const isRole = kind.resource === "roles" || kind.resource === "clusterroles";
      const verdict = isRole ? await checkRole(request) : await checkBinding(request);
      refuse(verdict, { group: RBAC_GROUP, resource: kind.resource }, name);
      return undefined;
    },
  };
}

function refuse(verdict: EscalationVerdict, resource: ResourceName, name: string): void {
  switch (verdict.type) {
    case "allowed":
      return;
    case "refused":
      throw forbidden(resource, name, verdict.message);
    case "role-missing":
      throw notFound({ group: RBAC_GROUP, resource: verdict.resource }, verdict.name);
  }
}
