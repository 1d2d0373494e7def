import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, PodTemplate, ResourceQuota } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import type { KindContext } from "../definition.ts";
import { changeField } from "../fill.ts";
import { defaultPodSpec } from "../pods/defaults.ts";
import { dropDisabledFields } from "../pods/disabled-fields.ts";
import { podSpecWarnings } from "../pods/pod-warnings.ts";
import { validateTemplateSpec } from "../pods/validate-pod.ts";
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

type PodSpec = NonNullable<NonNullable<PodTemplate["template"]>["spec"]>;

function changeSpec(object: KubernetesObject, change: (spec: PodSpec) => PodSpec): KubernetesObject {
  return changeField(object as PodTemplate, "template", (template) =>
    changeField(template, "spec", change),
  ) as KubernetesObject;
}

function specOf(object: KubernetesObject | undefined): PodSpec | undefined {
  return (object as PodTemplate | undefined)?.template?.spec;
}

function validateTemplate(
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  context: KindContext,
): readonly FieldError[] {
  return validateTemplateSpec(specOf(object), specOf(old), "template.spec", context);
}

export const podTemplateKind = defineKind({
  group: "",
  version: "v1",
  kind: "PodTemplate",
  resource: "podtemplates",
  namespaced: true,
  hasGeneration: true,
  applyDefaults: (object) => changeSpec(object, defaultPodSpec),
  prepareForCreate: (object, { gates }) => changeSpec(object, (spec) => dropDisabledFields(spec, undefined, gates)),
  prepareForUpdate: (object, old, { gates }) =>
    changeSpec(object, (spec) => dropDisabledFields(spec, specOf(old), gates)),
  validateCreate: (object, context) => validateTemplate(object, undefined, context),
  validateUpdate: validateTemplate,
  warnings: (object) => {
    const { template } = object as PodTemplate;
    return podSpecWarnings(template?.spec ?? {}, template?.metadata?.annotations ?? {}, "template.");
  },
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
