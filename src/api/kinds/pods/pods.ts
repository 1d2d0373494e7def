import type { Pod } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import { defaultPod } from "./defaults.ts";
import { podTable } from "./pod-table.ts";
import { podWarnings } from "./pod-warnings.ts";
import { preparePodForCreate, preparePodForUpdate, preparePodStatusForUpdate } from "./prepare.ts";
import { validatePodStatusUpdate } from "./validate-pod-status.ts";
import { validatePodUpdate } from "./validate-pod-update.ts";
import { validatePodCreate } from "./validate-pod.ts";

export const podKind = defineKind({
  group: "",
  version: "v1",
  kind: "Pod",
  resource: "pods",
  namespaced: true,
  shortNames: ["po"],
  categories: ["all"],
  hasStatus: true,
  hasGeneration: true,
  applyDefaults: defaultPod,
  prepareForCreate: preparePodForCreate,
  prepareForUpdate: preparePodForUpdate,
  prepareForStatusUpdate: preparePodStatusForUpdate,
  validateCreate: validatePodCreate,
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  warnings: podWarnings,
  selectableFields: (object) => {
    const { spec, status } = object as Pod;
    return {
      ...metadataFields(object, true),
      "spec.nodeName": spec?.nodeName ?? "",
      "spec.restartPolicy": spec?.restartPolicy ?? "",
      "spec.schedulerName": spec?.schedulerName ?? "",
      "spec.serviceAccountName": spec?.serviceAccountName ?? "",
      "spec.hostNetwork": String(spec?.hostNetwork ?? false),
      "status.phase": status?.phase ?? "",
      "status.podIP": status?.podIPs?.[0]?.ip ?? "",
      "status.podIPs": "",
      "status.nominatedNodeName": status?.nominatedNodeName ?? "",
    };
  },
  table: podTable,
});
