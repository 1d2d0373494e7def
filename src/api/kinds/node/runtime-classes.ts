import type { RuntimeClass } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";

export const runtimeClassKind = defineKind({
  group: "node.k8s.io",
  version: "v1",
  kind: "RuntimeClass",
  resource: "runtimeclasses",
  namespaced: false,
  table: tableWithAge([column("Handler")], (object) => [(object as unknown as RuntimeClass).handler]),
});
