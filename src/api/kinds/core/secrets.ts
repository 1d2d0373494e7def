import type { KubernetesObject, Secret } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";
import { validateSecret, validateSecretUpdate } from "./validate-data.ts";

function encodeText(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

/** stringData is only a way to write data. */
function defaultSecret(object: KubernetesObject): KubernetesObject {
  const { stringData, ...rest } = object as Secret;
  const texts = Object.entries(stringData ?? {}).map(([key, text]) => [key, encodeText(text)] as const);
  return {
    ...rest,
    ...((rest.data !== undefined || texts.length > 0) && { data: { ...rest.data, ...Object.fromEntries(texts) } }),
    type: rest.type ?? "Opaque",
  };
}

export const secretKind = defineKind({
  group: "",
  version: "v1",
  kind: "Secret",
  resource: "secrets",
  namespaced: true,
  applyDefaults: defaultSecret,
  validateCreate: validateSecret,
  validateUpdate: validateSecretUpdate,
  selectableFields: (object) => ({ ...metadataFields(object, true), type: (object as Secret).type ?? "" }),
  table: tableWithAge([column("Type"), column("Data")], (object) => {
    const secret = object as Secret;
    return [secret.type ?? "", Object.keys(secret.data ?? {}).length];
  }),
});
