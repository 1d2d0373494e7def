import { defineKind } from "../define-kind.ts";
import { tableWithAge } from "../table.ts";

export const serviceAccountKind = defineKind({
  group: "",
  version: "v1",
  kind: "ServiceAccount",
  resource: "serviceaccounts",
  namespaced: true,
  shortNames: ["sa"],
  table: tableWithAge([], () => []),
});
