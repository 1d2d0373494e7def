import type { VolumeAttributesClass } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";
import { validateAttributesClass, validateAttributesClassUpdate } from "./validate-storage.ts";

export const volumeAttributesClassKind = defineKind({
  group: "storage.k8s.io",
  version: "v1",
  kind: "VolumeAttributesClass",
  resource: "volumeattributesclasses",
  namespaced: false,
  shortNames: ["vac"],
  validateCreate: validateAttributesClass,
  validateUpdate: validateAttributesClassUpdate,
  table: tableWithAge([column("DriverName")], (object) => [(object as unknown as VolumeAttributesClass).driverName]),
});
