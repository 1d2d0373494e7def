import type { KubernetesObject, Node } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import type { KindContext } from "../definition.ts";
import { changeField, dropUnlessUsed } from "../fill.ts";
import { roundToMilli } from "../round-amounts.ts";
import { nodeTable } from "./node-table.ts";
import { validateNode, validateNodeRanges, validateNodeUpdate } from "./validate-node.ts";
import { nodeWarnings } from "../object-warnings.ts";

/** podCIDR is the first of podCIDRs; where they differ, the older podCIDR counts. */
function withRanges(spec: NonNullable<Node["spec"]>): NonNullable<Node["spec"]> {
  const first = spec.podCIDR ?? spec.podCIDRs?.[0];
  if (first === undefined) return spec;
  return { ...spec, podCIDR: first, podCIDRs: spec.podCIDRs?.[0] === first ? spec.podCIDRs : [first] };
}

function withAmounts(status: NonNullable<Node["status"]>): NonNullable<Node["status"]> {
  const rounded = changeField(changeField(status, "capacity", roundToMilli), "allocatable", roundToMilli);
  const isAllAllocatable = rounded.capacity !== undefined && rounded.allocatable === undefined;
  return isAllAllocatable ? { ...rounded, allocatable: rounded.capacity } : rounded;
}

function defaultNode(object: KubernetesObject): KubernetesObject {
  const { spec, status } = object as Node;
  return {
    ...object,
    ...(spec !== undefined && { spec: withRanges(spec) }),
    ...(status !== undefined && { status: withAmounts(status) }),
  };
}

function dropDisabled(
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  { gates }: KindContext,
): KubernetesObject {
  const node = object as Node;
  const before = old as Node | undefined;
  return {
    ...object,
    ...(node.spec !== undefined && { spec: dropUnlessUsed(node.spec, before?.spec, { configSource: false }) }),
    ...(node.status !== undefined && {
      status: dropUnlessUsed(node.status, before?.status, {
        ...(old === undefined && { config: false }),
        declaredFeatures: gates.enabled("NodeDeclaredFeatures"),
      }),
    }),
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
  warnings: nodeWarnings,
  table: nodeTable,
  applyDefaults: defaultNode,
  // A kubelet registers itself together with its status.
  prepareForCreate: (object, context) => dropDisabled(object, undefined, context),
  prepareForUpdate: dropDisabled,
  prepareForStatusUpdate: dropDisabled,
});
