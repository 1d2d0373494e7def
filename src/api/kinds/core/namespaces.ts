import { dnsLabelProblems } from "../../names.ts";
import type { Namespace } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";

export const namespaceKind = defineKind({
  group: "",
  version: "v1",
  kind: "Namespace",
  resource: "namespaces",
  namespaced: false,
  shortNames: ["ns"],
  verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  hasStatus: true,
  validateName: dnsLabelProblems,
  selectableFields: (object) => ({
    ...metadataFields(object, false),
    "status.phase": (object as Namespace).status?.phase ?? "",
  }),
  table: tableWithAge([column("Status")], (object) => [(object as Namespace).status?.phase ?? ""]),
});
