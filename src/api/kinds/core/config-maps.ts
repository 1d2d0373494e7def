import type { ConfigMap } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";
import { validateConfigMap, validateConfigMapUpdate } from "./validate-data.ts";

export const configMapKind = defineKind({
  group: "",
  version: "v1",
  kind: "ConfigMap",
  resource: "configmaps",
  namespaced: true,
  shortNames: ["cm"],
  validateCreate: validateConfigMap,
  validateUpdate: validateConfigMapUpdate,
  table: tableWithAge([column("Data")], (object) => {
    const map = object as ConfigMap;
    return [Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length];
  }),
});
