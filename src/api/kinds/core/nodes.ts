import type { Node } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import { nodeTable } from "./node-table.ts";

export const nodeKind = defineKind({
  group: "",
  version: "v1",
  kind: "Node",
  resource: "nodes",
  namespaced: false,
  shortNames: ["no"],
  hasStatus: true,
  selectableFields: (object) => ({
    ...metadataFields(object, false),
    "spec.unschedulable": String((object as Node).spec?.unschedulable ?? false),
  }),
  table: nodeTable,
  applyDefaults: (object) => {
    const { status } = object as Node;
    if (status?.capacity === undefined || status.allocatable !== undefined) return object;
    return { ...object, status: { ...status, allocatable: status.capacity } };
  },
  // A kubelet registers itself together with its status.
  prepareForCreate: (object) => object,
});
