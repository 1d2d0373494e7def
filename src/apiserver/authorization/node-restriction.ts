import { MIRROR_POD_ANNOTATION } from "../../api/pod.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { forbidden, type ResourceName } from "../../api/status-error.ts";
import type {
  CertificateSigningRequest,
  KubernetesObject,
  Lease,
  Node,
  PersistentVolumeClaim,
  Pod,
  TokenRequest,
} from "../../api/types.ts";
import type { Authorizer } from "../../core/authz/attributes.ts";
import { nodeIdentity } from "../../core/authz/node-identity.ts";
import { apiReference } from "../../core/authz/pod-references.ts";
import { quoted } from "../../core/authz/quoted.ts";
import type { AdmissionPlugin, AdmissionRequest, Objects } from "../extension.ts";
import { type InspectRequest, inspectSigningRequest } from "./certificate-admission.ts";
import { forbiddenNodeLabels } from "./node-labels.ts";
import { podUsesAudience } from "./node-token-audience.ts";
import { sameContent } from "./same-content.ts";

const NODE_LEASES = "kube-node-lease";
const NODE_SIGNERS: readonly string[] = [
  "kubernetes.io/kubelet-serving",
  "kubernetes.io/kube-apiserver-client-kubelet",
];

export interface NodeRestrictionDeps {
  readonly inspect: InspectRequest;
  readonly authorize: Authorizer;
}

/** A write by a node, with what is needed to judge it. */
interface NodeWrite extends AdmissionRequest {
  readonly nodeName: string;
  readonly objects: Objects;
}

/** The text of a refusal, undefined to let it pass. Throws StatusError for what has to be found and is not there. */
type Check = (write: NodeWrite) => Promise<string | undefined> | string | undefined;

/** Names on the wire that admission texts use: CREATE, UPDATE, DELETE, CONNECT. */
function operationName({ operation }: AdmissionRequest): string {
  return operation.toUpperCase();
}

const createPod: Check = async ({ nodeName, object, objects }) => {
  const pod = object as Pod;
  const node = quoted(nodeName);
  if (pod.metadata?.annotations?.[MIRROR_POD_ANNOTATION] === undefined) {
    return `pod does not have ${quoted(MIRROR_POD_ANNOTATION)} annotation, node ${node} can only create mirror pods`;
  }
  if (pod.spec?.nodeName !== nodeName) return `node ${node} can only create pods with spec.nodeName set to itself`;
  const [owner, ...others] = pod.metadata.ownerReferences ?? [];
  if (others.length > 0) return `node ${node} can only create pods with a single owner reference set to itself`;
  if (owner === undefined || owner.apiVersion !== "v1" || owner.kind !== "Node" || owner.name !== nodeName) {
    return `node ${node} can only create pods with an owner reference set to itself`;
  }
  if (owner.controller !== true) {
    return `node ${node} can only create pods with a controller owner reference set to itself`;
  }
  if (owner.blockOwnerDeletion === true) {
    return `node ${node} must not set blockOwnerDeletion on an owner reference`;
  }
  const live = await objects.get("nodes", "", nodeName);
  if (owner.uid !== live.metadata?.uid) {
    return `node ${nodeName} UID mismatch: expected ${owner.uid} got ${live.metadata?.uid ?? ""}`;
  }
  const reference = apiReference(pod);
  return reference === undefined ? undefined : `node ${node} can not create pods that reference ${reference}`;
};

const mainPod: Check = async (write) => {
  const { operation, nodeName, namespace, name, objects } = write;
  switch (operation) {
    case "create":
      return await createPod(write);
    case "delete": {
      const pod = (write.old ?? (await objects.get("pods", namespace, name))) as Pod;
      return pod.spec?.nodeName === nodeName
        ? undefined
        : `node ${quoted(nodeName)} can only delete pods with spec.nodeName set to itself`;
    }
    case "update":
    case "connect":
      return `unexpected operation ${quoted(operationName(write))}, node ${quoted(nodeName)} can only create and delete mirror pods`;
  }
};

const podStatus: Check = (write) => {
  if (write.operation !== "update") return `unexpected operation ${quoted(operationName(write))}`;
  const [pod, old] = [write.object as Pod, write.old as Pod];
  const node = quoted(write.nodeName);
  if (old.spec?.nodeName !== write.nodeName) {
    return `node ${node} can only update pod status for pods with spec.nodeName set to itself`;
  }
  if (!sameContent(pod.metadata?.labels, old.metadata?.labels)) {
    return `node ${node} cannot update labels through pod status`;
  }
  if (!sameContent(pod.status?.resourceClaimStatuses, old.status?.resourceClaimStatuses)) {
    return `node ${node} cannot update resource claim statues`;
  }
  return sameContent(pod.status?.extendedResourceClaimStatus, old.status?.extendedResourceClaimStatus)
    ? undefined
    : `node ${node} cannot update extended resource claim status`;
};

const podEviction: Check = async (write) => {
  if (write.operation !== "create") return `unexpected operation ${operationName(write)}`;
  const named = write.name === "" ? (write.object?.metadata?.name ?? "") : write.name;
  if (named === "") return "could not determine pod from request data";
  const pod = (await write.objects.get("pods", write.namespace, named)) as Pod;
  return pod.spec?.nodeName === write.nodeName
    ? undefined
    : `node ${write.nodeName} can only evict pods with spec.nodeName set to itself`;
};

const pods: Check = async (write) => {
  switch (write.subresource) {
    case "":
      return await mainPod(write);
    case "status":
      return await podStatus(write);
    case "eviction":
      return await podEviction(write);
    default:
      return `unexpected pod subresource ${quoted(write.subresource)}, only 'status' and 'eviction' are allowed`;
  }
};

const nodes: Check = (write) => {
  const { operation, nodeName } = write;
  const node = write.object as Node | undefined;
  // A create names its object in the body.
  const name = operation === "create" ? (node?.metadata?.name ?? "") : write.name;
  if (name !== nodeName) return `node ${quoted(nodeName)} is not allowed to modify node ${quoted(name)}`;
  if (operation === "create") {
    if (node?.spec?.configSource !== undefined) {
      return `node ${quoted(nodeName)} is not allowed to create pods with a non-nil configSource`;
    }
    const labels = forbiddenNodeLabels(node?.metadata?.labels);
    return labels.length === 0
      ? undefined
      : `node ${quoted(nodeName)} is not allowed to set the following labels: ${labels.join(", ")}`;
  }
  if (operation !== "update") return undefined;
  const old = write.old as Node;
  if (node?.spec?.configSource !== undefined && !sameContent(node.spec.configSource, old.spec?.configSource)) {
    return `node ${quoted(nodeName)} is not allowed to update configSource to a new non-nil configSource`;
  }
  if (!sameContent(node?.spec?.taints ?? [], old.spec?.taints ?? [])) {
    return `node ${quoted(nodeName)} is not allowed to modify taints`;
  }
  if (!sameContent(node?.metadata?.ownerReferences ?? [], old.metadata?.ownerReferences ?? [])) {
    return `node ${quoted(nodeName)} is not allowed to modify ownerReferences`;
  }
  const labels = forbiddenNodeLabels(node?.metadata?.labels, old.metadata?.labels);
  return labels.length === 0 ? undefined : `is not allowed to modify labels: ${labels.join(", ")}`;
};

const CLAIM_STATUS_OF_NODE: ReadonlySet<string> = new Set([
  "capacity",
  "conditions",
  "allocatedResources",
  "allocatedResourceStatuses",
]);

/** What of a claim a node may not change: all but a few fields of the status. */
function claimWithoutOwnStatus(object: KubernetesObject): unknown {
  const { status, ...rest } = object as PersistentVolumeClaim & KubernetesObject;
  const { resourceVersion: _version, managedFields: _fields, ...metadata } = rest.metadata ?? {};
  const others = Object.entries(status ?? {}).filter(([field]) => !CLAIM_STATUS_OF_NODE.has(field));
  return { ...rest, metadata, status: Object.fromEntries(others) };
}

const claims: Check = (write) => {
  if (write.subresource !== "status") return "may only update PVC status";
  const { operation, object, old, nodeName } = write;
  if (operation !== "update" || object === undefined || old === undefined) {
    return `unexpected operation ${quoted(operationName(write))}`;
  }
  return sameContent(claimWithoutOwnStatus(object), claimWithoutOwnStatus(old))
    ? undefined
    : `node ${quoted(nodeName)} is not allowed to update fields other than status.quantity and status.conditions`;
};

/** The name is in the object on create, in the URL otherwise. */
function nameOf({ operation, object, name }: NodeWrite): string {
  return operation === "create" ? (object?.metadata?.name ?? "") : name;
}

const leases: Check = (write) => {
  if (
    (write.namespace === "" ? ((write.object as Lease | undefined)?.metadata?.namespace ?? "") : write.namespace) !==
    NODE_LEASES
  ) {
    return `can only access leases in the ${quoted(NODE_LEASES)} system namespace`;
  }
  return nameOf(write) === write.nodeName
    ? undefined
    : "can only access node lease with the same name as the requesting node";
};

const csiNodes: Check = (write) =>
  nameOf(write) === write.nodeName ? undefined : "can only access CSINode with the same name as the requesting node";

function signingRequests({ inspect }: NodeRestrictionDeps): Check {
  return async ({ operation, subresource, object, nodeName }) => {
    const request = object as unknown as CertificateSigningRequest;
    if (operation !== "create" || subresource !== "" || !NODE_SIGNERS.includes(request.spec.signerName)) {
      return undefined;
    }
    let commonName: string;
    try {
      ({ commonName } = await inspectSigningRequest(inspect, request));
    } catch (reason) {
      return `unable to parse csr: ${messageOf(reason)}`;
    }
    return commonName === `system:node:${nodeName}`
      ? undefined
      : `can only create a node CSR with CN=system:node:${nodeName}`;
  };
}

/** Tokens for a node are bound to a pod that runs there, and for an audience the pod has use for. */
function tokens({ authorize }: NodeRestrictionDeps): Check {
  return async ({ operation, subresource, object, namespace, name, user, nodeName, objects }) => {
    if (operation !== "create" || subresource !== "token") return undefined;
    const { boundObjectRef: ref, audiences = [] } = (object as unknown as TokenRequest).spec ?? {};
    if (ref === undefined || ref.apiVersion !== "v1" || ref.kind !== "Pod" || (ref.name ?? "") === "") {
      return "node requested token not bound to a pod";
    }
    if ((ref.uid ?? "") === "") return "node requested token with a pod binding without a uid";
    const pod = (await objects.get("pods", namespace, ref.name ?? "")) as Pod;
    if (ref.uid !== pod.metadata?.uid) {
      return `the UID in the bound object reference (${ref.uid ?? ""}) does not match the UID in record. The object might have been deleted and then recreated`;
    }
    if (pod.spec?.nodeName !== nodeName) return "node requested token bound to a pod scheduled on a different node";
    if (audiences.length > 1) return "node may only request 0 or 1 audiences";
    const audience = audiences[0] ?? "";
    if (await podUsesAudience(objects, pod, audience)) return undefined;
    const answer = await authorize(
      {
        type: "resource",
        user,
        verb: "request-serviceaccounts-token-audience",
        group: "",
        version: "v1",
        resource: audience,
        subresource: "",
        namespace,
        name,
      },
      new AbortController().signal,
    );
    return answer.decision === "allow"
      ? undefined
      : `audience ${quoted(audience)} not found in pod spec volume, ${user.name} is not authorized to request tokens for this audience`;
  };
}

function resourceKey({ group, resource }: ResourceName): string {
  return group === "" ? resource : `${resource}.${group}`;
}

/**
 * Limits what a node may write to what belongs to it: the Node authorizer sees who and where, this sees the contents.
 * Also the door for serviceaccounts/token, called as a create of that subresource with the TokenRequest.
 */
export function nodeRestriction(deps: NodeRestrictionDeps): AdmissionPlugin {
  const checks: ReadonlyMap<string, Check> = new Map([
    ["pods", pods],
    ["nodes", nodes],
    ["persistentvolumeclaims", claims],
    ["serviceaccounts", tokens(deps)],
    ["leases.coordination.k8s.io", leases],
    ["csinodes.storage.k8s.io", csiNodes],
    ["certificatesigningrequests.certificates.k8s.io", signingRequests(deps)],
  ]);
  return {
    name: "NodeRestriction",
    async validate(request, objects) {
      const nodeName = nodeIdentity(request.user);
      if (nodeName === undefined) return undefined;
      const resource = { group: request.kind.group, resource: request.kind.resource };
      if (nodeName === "") {
        throw forbidden(resource, request.name, `could not determine node from user ${quoted(request.user.name)}`);
      }
      const why = await checks.get(resourceKey(resource))?.({ ...request, nodeName, objects });
      if (why !== undefined) throw forbidden(resource, request.name, why);
      return undefined;
    },
  };
}
