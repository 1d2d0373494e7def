import type { Attributes, Decision, ResourceAttributes } from "./attributes.ts";
import { clusterRoles } from "./bootstrap/cluster-roles.ts";
import type { NodeGraph, RelatedKind } from "./node-graph.ts";
import { nodeIdentity } from "./node-identity.ts";
import { quoted } from "./quoted.ts";
import { ruleAllows } from "./rule-matching.ts";

const ALLOW: Decision = { decision: "allow", reason: "" };
const NODE_LEASES = "kube-node-lease";

const NODE_RULES = clusterRoles({ fineGrained: true })["system:node"] ?? [];

function no(reason: string): Decision {
  return { decision: "no-opinion", reason };
}

/**
 * What a node may do: read what its own pods need, report about itself. Everything else that the rules of system:node
 * list is allowed to all nodes alike; NodeRestriction looks at the contents of writes.
 *
 * @returns "no-opinion" with the reason for what is not allowed, and for callers that are no nodes
 */
export function decideForNode(graph: NodeGraph, attributes: Attributes): Decision {
  const nodeName = nodeIdentity(attributes.user);
  if (nodeName === undefined) return no("");
  if (nodeName === "") return no(`unknown node for user ${quoted(attributes.user.name)}`);
  if (attributes.type === "resource") {
    const decide = BY_RESOURCE.get(resourceKey(attributes));
    if (decide !== undefined) return decide(graph, nodeName, attributes);
  }
  return NODE_RULES.some((rule) => ruleAllows(rule, attributes)) ? ALLOW : no("");
}

function resourceKey({ group, resource }: ResourceAttributes): string {
  return group === "" ? resource : `${resource}.${group}`;
}

type NodeRule = (graph: NodeGraph, nodeName: string, request: ResourceAttributes) => Decision;

function related(kind: RelatedKind): NodeRule {
  return (graph, nodeName, { namespace, name }) => {
    if (name === "") return no("No Object name found");
    return graph.isRelated(nodeName, kind, namespace, name)
      ? ALLOW
      : no(`no relationship found between node '${nodeName}' and this object`);
  };
}

/** Only "get", only whole objects. */
function getOnly(kind: RelatedKind): NodeRule {
  return (graph, nodeName, request) => {
    if (request.verb !== "get") return no("can only get individual resources of this type");
    if (request.subresource !== "") return no("cannot get subresource");
    return related(kind)(graph, nodeName, request);
  };
}

/** Get, or list and watch of one name. */
function readNamed(kind: RelatedKind): NodeRule {
  return (graph, nodeName, request) => {
    if (!["get", "list", "watch"].includes(request.verb)) return no("can only read resources of this type");
    if (request.subresource !== "") return no("cannot read subresource");
    if (request.namespace === "") return no("can only read namespaced object of this type");
    return related(kind)(graph, nodeName, request);
  };
}

const claims: NodeRule = (graph, nodeName, request) => {
  if (request.subresource !== "status") return getOnly("pvc")(graph, nodeName, request);
  if (request.verb !== "update" && request.verb !== "patch") return no("can only get/update/patch this type");
  return related("pvc")(graph, nodeName, request);
};

const serviceAccounts: NodeRule = (graph, nodeName, request) => {
  if (request.verb === "get" && request.subresource === "") {
    return readNamed("serviceaccount")(graph, nodeName, request);
  }
  if (request.verb !== "create" || request.name === "") {
    return no("can only create tokens for individual service accounts");
  }
  if (request.subresource !== "token") return no("can only create token subresource of serviceaccount");
  return related("serviceaccount")(graph, nodeName, request);
};

const OWN_VERBS = ["get", "create", "update", "patch", "delete"];

const leases: NodeRule = (_graph, nodeName, { verb, namespace, name }) => {
  if (!OWN_VERBS.includes(verb)) return no("can only get, create, update, patch, or delete a node lease");
  if (namespace !== NODE_LEASES) return no(`can only access leases in the "${NODE_LEASES}" system namespace`);
  // On create the name is in the object; NodeRestriction compares it.
  if (verb !== "create" && name !== nodeName) {
    return no("can only access node lease with the same name as the requesting node");
  }
  return ALLOW;
};

const csiNodes: NodeRule = (_graph, nodeName, { verb, subresource, name }) => {
  if (!OWN_VERBS.includes(verb)) return no("can only get, create, update, patch, or delete a CSINode");
  if (subresource !== "") return no("cannot authorize CSINode subresources");
  if (verb !== "create" && name !== nodeName) {
    return no("can only access CSINode with the same name as the requesting node");
  }
  return ALLOW;
};

const nodes: NodeRule = (_graph, nodeName, { verb, subresource, name }) => {
  if (subresource === "status") return verb === "update" || verb === "patch" ? ALLOW : no("");
  if (subresource !== "") return no("");
  switch (verb) {
    case "create":
    case "update":
    case "patch":
      return ALLOW;
    case "get":
    case "list":
    case "watch":
      if (name === nodeName) return ALLOW;
      return name === ""
        ? no(`node '${nodeName}' cannot read all nodes, only its own Node object`)
        : no(`node '${nodeName}' cannot read '${name}', only its own Node object`);
    default:
      return no("");
  }
};

const pods: NodeRule = (graph, nodeName, request) => {
  const { verb, subresource } = request;
  if (subresource === "status") return verb === "update" || verb === "patch" ? ALLOW : no("");
  if (subresource === "eviction") return verb === "create" ? ALLOW : no("");
  if (subresource !== "") return no("");
  switch (verb) {
    case "get":
      return getOnly("pod")(graph, nodeName, request);
    case "list":
    case "watch":
      if (selectsOwnPods(request, nodeName)) return ALLOW;
      return request.name === ""
        ? no("can only list/watch pods with spec.nodeName field selector")
        : related("pod")(graph, nodeName, request);
    case "create":
    case "delete":
      return ALLOW;
    default:
      return no("");
  }
};

function selectsOwnPods({ fieldSelector }: ResourceAttributes, nodeName: string): boolean {
  return (fieldSelector ?? []).some(
    ({ field, operator, value }) => field === "spec.nodeName" && operator === "=" && value === nodeName,
  );
}

const notServed: NodeRule = () => no("");

const BY_RESOURCE: ReadonlyMap<string, NodeRule> = new Map([
  ["secrets", readNamed("secret")],
  ["configmaps", readNamed("configmap")],
  ["persistentvolumeclaims", claims],
  ["persistentvolumes", getOnly("pv")],
  ["volumeattachments.storage.k8s.io", getOnly("volumeattachment")],
  ["serviceaccounts", serviceAccounts],
  ["leases.coordination.k8s.io", leases],
  ["csinodes.storage.k8s.io", csiNodes],
  ["nodes", nodes],
  ["pods", pods],
  ["resourceclaims.resource.k8s.io", notServed],
  ["resourceslices.resource.k8s.io", notServed],
  ["podcertificaterequests.certificates.k8s.io", notServed],
]);
