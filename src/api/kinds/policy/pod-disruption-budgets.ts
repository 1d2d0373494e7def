import type { PodDisruptionBudget } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";
import { validatePodDisruptionBudget, validatePodDisruptionBudgetStatus } from "./validate-pod-disruption-budget.ts";

export const podDisruptionBudgetKind = defineKind({
  group: "policy",
  version: "v1",
  kind: "PodDisruptionBudget",
  resource: "poddisruptionbudgets",
  namespaced: true,
  shortNames: ["pdb"],
  hasStatus: true,
  hasGeneration: true,
  validateCreate: (object) => validatePodDisruptionBudget(object),
  validateUpdate: validatePodDisruptionBudget,
  validateStatusUpdate: validatePodDisruptionBudgetStatus,
  table: tableWithAge(
    [column("Min Available"), column("Max Unavailable"), column("Allowed Disruptions", "integer")],
    (object) => {
      const { spec, status } = object as PodDisruptionBudget;
      return [
        String(spec?.minAvailable ?? "N/A"),
        String(spec?.maxUnavailable ?? "N/A"),
        status?.disruptionsAllowed ?? 0,
      ];
    },
  ),
});
