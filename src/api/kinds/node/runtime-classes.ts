import type { RuntimeClass } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";
import { validateRuntimeClass, validateRuntimeClassUpdate } from "./validate-runtime-class.ts";
import { runtimeClassWarnings } from "../object-warnings.ts";

export const runtimeClassKind = defineKind({
  group: "node.k8s.io",
  version: "v1",
  kind: "RuntimeClass",
  resource: "runtimeclasses",
  namespaced: false,
  validateCreate: validateRuntimeClass,
  validateUpdate: validateRuntimeClassUpdate,
  warnings: runtimeClassWarnings,
  table: tableWithAge([column("Handler")], (object) => [(object as unknown as RuntimeClass).handler]),
});
