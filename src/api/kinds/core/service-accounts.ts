import type { KubernetesObject, ServiceAccount } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { tableWithAge } from "../table.ts";
import { serviceAccountWarnings } from "../object-warnings.ts";

/** Of the secrets only names are kept. */
function withSecretNames(object: KubernetesObject): KubernetesObject {
  const { secrets } = object as ServiceAccount;
  if (secrets === undefined) return object;
  return { ...object, secrets: secrets.map(({ name }) => ({ ...(name !== undefined && { name }) })) };
}

export const serviceAccountKind = defineKind({
  group: "",
  version: "v1",
  kind: "ServiceAccount",
  resource: "serviceaccounts",
  namespaced: true,
  shortNames: ["sa"],
  prepareForCreate: withSecretNames,
  prepareForUpdate: withSecretNames,
  warnings: serviceAccountWarnings,
  table: tableWithAge([], () => []),
});
