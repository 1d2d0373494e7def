import type { PriorityClass } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { fill } from "../fill.ts";
import { column, tableWithAge } from "../table.ts";
import { validatePriorityClass, validatePriorityClassUpdate } from "./validate-priority-class.ts";

export const priorityClassKind = defineKind({
  group: "scheduling.k8s.io",
  version: "v1",
  kind: "PriorityClass",
  resource: "priorityclasses",
  namespaced: false,
  shortNames: ["pc"],
  hasGeneration: true,
  applyDefaults: (object) => ({
    ...object,
    ...fill(object as unknown as PriorityClass, { preemptionPolicy: "PreemptLowerPriority" }),
  }),
  validateCreate: validatePriorityClass,
  validateUpdate: validatePriorityClassUpdate,
  table: tableWithAge(
    [column("Value", "integer"), column("Global-Default", "boolean")],
    (object) => {
      const { value, globalDefault, preemptionPolicy } = object as unknown as PriorityClass;
      return [value, globalDefault ?? false, preemptionPolicy ?? ""];
    },
    [column("PreemptionPolicy")],
  ),
});
