import type { CSINode, Unchecked } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";
import { validateCsiNode, validateCsiNodeUpdate } from "./validate-csi.ts";

export const csiNodeKind = defineKind({
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSINode",
  resource: "csinodes",
  namespaced: false,
  validateCreate: validateCsiNode,
  validateUpdate: validateCsiNodeUpdate,
  table: tableWithAge([column("Drivers", "integer")], (object) => [
    ((object as Unchecked<CSINode>).spec?.drivers ?? []).length,
  ]),
});
