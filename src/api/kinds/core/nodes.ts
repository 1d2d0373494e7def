import type { KubernetesObject, Node } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import { nodeTable } from "./node-table.ts";
import { validateNode, validateNodeRanges, validateNodeUpdate } from "./validate-node.ts";

/** podCIDR is the first of podCIDRs; where they differ, the older podCIDR counts. */
function withRanges(spec: NonNullable<Node["spec"]>): NonNullable<Node["spec"]> {
  const first = spec.podCIDR ?? spec.podCIDRs?.[0];
  if (first === undefined) return spec;
  return { ...spec, podCIDR: first, podCIDRs: spec.podCIDRs?.[0] === first ? spec.podCIDRs : [first] };
}

function defaultNode(object: KubernetesObject): KubernetesObject {
  const { spec, status } = object as Node;
  const isAllAllocatable = status?.capacity !== undefined && status.allocatable === undefined;
  return {
    ...object,
    ...(spec !== undefined && { spec: withRanges(spec) }),
    ...(isAllAllocatable && { status: { ...status, allocatable: status.capacity } }),
  };
}

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
  validateCreate: validateNode,
  validateUpdate: (object, old) => [...validateNodeRanges(object), ...validateNodeUpdate(object, old)],
  validateStatusUpdate: validateNodeUpdate,
  table: nodeTable,
  applyDefaults: defaultNode,
  // A kubelet registers itself together with its status.
  prepareForCreate: (object) => object,
});
