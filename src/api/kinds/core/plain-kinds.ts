import type { PodTemplate, ResourceQuota } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { NAME, column, labelsText, tableWithAge } from "../table.ts";

/** Stored and served; nothing enforces them yet. */
export const limitRangeKind = defineKind({
  group: "",
  version: "v1",
  kind: "LimitRange",
  resource: "limitranges",
  namespaced: true,
  shortNames: ["limits"],
});

function quotaText(quota: ResourceQuota, isLimit: boolean): string {
  return Object.entries(quota.status?.hard ?? {})
    .filter(([resource]) => resource.startsWith("limits.") === isLimit)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([resource, hard]) => `${resource}: ${quota.status?.used?.[resource] ?? "0"}/${hard}`)
    .join(", ");
}

/** Stored and served; nothing enforces them yet. */
export const resourceQuotaKind = defineKind({
  group: "",
  version: "v1",
  kind: "ResourceQuota",
  resource: "resourcequotas",
  namespaced: true,
  shortNames: ["quota"],
  hasStatus: true,
  table: tableWithAge([column("Request"), column("Limit")], (object) => {
    const quota = object as ResourceQuota;
    return [quotaText(quota, false), quotaText(quota, true)];
  }),
});

export const podTemplateKind = defineKind({
  group: "",
  version: "v1",
  kind: "PodTemplate",
  resource: "podtemplates",
  namespaced: true,
  hasGeneration: true,
  table: {
    columns: [NAME, column("Containers"), column("Images"), column("Pod Labels")],
    cells: (object) => {
      const { metadata, template } = object as PodTemplate;
      const containers = template?.spec?.containers ?? [];
      return [
        metadata?.name ?? "",
        containers.map((container) => container.name).join(","),
        containers.map((container) => container.image ?? "").join(","),
        labelsText(template?.metadata?.labels),
      ];
    },
  },
});
