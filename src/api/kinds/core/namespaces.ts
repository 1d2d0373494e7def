import { dnsLabelProblems } from "../../names.ts";
import type { KubernetesObject, Namespace } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";
import { validateNamespaceFinalizers, validateNamespaceStatus } from "./validate-namespace.ts";

const NAME_LABEL = "kubernetes.io/metadata.name";
const FINALIZER = "kubernetes";

function defaultNamespace(object: KubernetesObject): KubernetesObject {
  const namespace = object as Namespace;
  const name = namespace.metadata?.name ?? "";
  return {
    ...object,
    ...(name !== "" && {
      metadata: { ...namespace.metadata, labels: { ...namespace.metadata?.labels, [NAME_LABEL]: name } },
    }),
    status: { ...namespace.status, phase: namespace.status?.phase ?? "Active" },
  };
}

function prepareNamespace(object: KubernetesObject): KubernetesObject {
  const { spec } = object as Namespace;
  const finalizers = spec?.finalizers ?? [];
  return {
    ...object,
    spec: { ...spec, finalizers: finalizers.includes(FINALIZER) ? finalizers : [...finalizers, FINALIZER] },
    status: { phase: "Active" },
  };
}

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
  applyDefaults: defaultNamespace,
  prepareForCreate: prepareNamespace,
  // Finalizers are changed through the finalize subresource only.
  prepareForUpdate: (object, old) => ({ ...object, spec: old["spec"] }),
  validateCreate: validateNamespaceFinalizers,
  validateUpdate: () => [],
  validateStatusUpdate: validateNamespaceStatus,
  selectableFields: (object) => ({
    ...metadataFields(object, false),
    "status.phase": (object as Namespace).status?.phase ?? "",
  }),
  table: tableWithAge([column("Status")], (object) => [(object as Namespace).status?.phase ?? ""]),
});
