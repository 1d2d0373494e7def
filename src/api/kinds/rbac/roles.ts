import { pathSegmentProblems } from "../../names.ts";
import { defineKind } from "../define-kind.ts";
import { validateClusterRole, validateRole } from "./validate-rbac.ts";

const RBAC = { group: "rbac.authorization.k8s.io", version: "v1", validateName: pathSegmentProblems } as const;

export const roleKind = defineKind({
  ...RBAC,
  kind: "Role",
  resource: "roles",
  namespaced: true,
  validateCreate: validateRole,
});

export const clusterRoleKind = defineKind({
  ...RBAC,
  kind: "ClusterRole",
  resource: "clusterroles",
  namespaced: false,
  validateCreate: (object) => validateClusterRole(object),
  validateUpdate: validateClusterRole,
});
