import { pathSegmentProblems } from "../../names.ts";
import type { ClusterRoleBinding, KubernetesObject, RoleBinding, Subject, Unchecked } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { fill } from "../fill.ts";
import { column, tableWithAge, wideColumn } from "../table.ts";
import {
  validateClusterRoleBinding,
  validateClusterRoleBindingUpdate,
  validateRoleBinding,
  validateRoleBindingUpdate,
} from "./validate-rbac.ts";

const RBAC = { group: "rbac.authorization.k8s.io", version: "v1", validateName: pathSegmentProblems } as const;

function namesOf(subjects: readonly Subject[] | undefined, kind: string): string {
  return (subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map((subject) => (kind === "ServiceAccount" ? `${subject.namespace ?? ""}/${subject.name}` : subject.name))
    .join(", ");
}

const GROUP = "rbac.authorization.k8s.io";

function defaultBinding(object: KubernetesObject): KubernetesObject {
  const binding = object as Unchecked<RoleBinding>;
  const subjects = binding.subjects?.map((subject) =>
    subject.kind === "User" || subject.kind === "Group" ? fill(subject, { apiGroup: GROUP }) : subject,
  );
  return {
    ...object,
    roleRef: fill(binding.roleRef ?? {}, { apiGroup: GROUP }),
    ...(subjects !== undefined && { subjects }),
  };
}

const bindingTable = tableWithAge(
  [column("Role")],
  (object) => {
    const { roleRef, subjects } = object as unknown as RoleBinding | ClusterRoleBinding;
    return [
      `${roleRef.kind}/${roleRef.name}`,
      namesOf(subjects, "User"),
      namesOf(subjects, "Group"),
      namesOf(subjects, "ServiceAccount"),
    ];
  },
  [wideColumn("Users"), wideColumn("Groups"), wideColumn("ServiceAccounts")],
);

export const roleBindingKind = defineKind({
  ...RBAC,
  kind: "RoleBinding",
  resource: "rolebindings",
  namespaced: true,
  validateCreate: validateRoleBinding,
  validateUpdate: validateRoleBindingUpdate,
  applyDefaults: defaultBinding,
  table: bindingTable,
});

export const clusterRoleBindingKind = defineKind({
  ...RBAC,
  kind: "ClusterRoleBinding",
  resource: "clusterrolebindings",
  namespaced: false,
  validateCreate: validateClusterRoleBinding,
  validateUpdate: validateClusterRoleBindingUpdate,
  applyDefaults: defaultBinding,
  table: bindingTable,
});
