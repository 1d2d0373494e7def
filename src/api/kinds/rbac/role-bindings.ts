import { pathSegmentProblems } from "../../names.ts";
import type { ClusterRoleBinding, RoleBinding, Subject } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge, wideColumn } from "../table.ts";

const RBAC = { group: "rbac.authorization.k8s.io", version: "v1", validateName: pathSegmentProblems } as const;

function namesOf(subjects: readonly Subject[] | undefined, kind: string): string {
  return (subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map((subject) => (kind === "ServiceAccount" ? `${subject.namespace ?? ""}/${subject.name}` : subject.name))
    .join(", ");
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
  table: bindingTable,
});

export const clusterRoleBindingKind = defineKind({
  ...RBAC,
  kind: "ClusterRoleBinding",
  resource: "clusterrolebindings",
  namespaced: false,
  table: bindingTable,
});
