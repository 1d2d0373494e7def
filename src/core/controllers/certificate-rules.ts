import { failed, ok, type Result } from "../../lib/result.ts";

/** What a certificate request asks for (see ports/certificate-signer). */
export interface RequestContents {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
}

export const KUBELET_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet";
export const KUBELET_SERVING_SIGNER = "kubernetes.io/kubelet-serving";
export const API_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client";

const NODE_USER_PREFIX = "system:node:";
const NODES_GROUP = "system:nodes";

/**
 * Whether a signer may sign a request, in upstream's words when not.
 *
 * @returns undefined for a signer that is none of ours
 */
export function checkRequest(
  signerName: string,
  request: RequestContents,
  usages: readonly string[],
): Result<true> | undefined {
  switch (signerName) {
    case KUBELET_CLIENT_SIGNER:
      return first(
        isNodesOnly(request) ? undefined : "subject organization is not system:nodes",
        request.dnsNames.length > 0 ? "DNS subjectAltNames are not allowed" : undefined,
        request.emailAddresses.length > 0 ? "Email subjectAltNames are not allowed" : undefined,
        request.ipAddresses.length > 0 ? "IP subjectAltNames are not allowed" : undefined,
        request.uris.length > 0 ? "URI subjectAltNames are not allowed" : undefined,
        isNodeName(request) ? undefined : "subject common name does not begin with system:node:",
        usagesProblem(usages, "client auth"),
      );
    case KUBELET_SERVING_SIGNER:
      return first(
        isNodesOnly(request) ? undefined : "subject organization is not system:nodes",
        request.dnsNames.length + request.ipAddresses.length === 0 ? "DNS or IP subjectAltName is required" : undefined,
        request.emailAddresses.length > 0 ? "Email subjectAltNames are not allowed" : undefined,
        request.uris.length > 0 ? "URI subjectAltNames are not allowed" : undefined,
        usagesProblem(usages, "server auth"),
        isNodeName(request) ? undefined : "subject common name does not begin with system:node:",
      );
    case API_CLIENT_SIGNER: {
      const other = usages.find((usage) => !["digital signature", "key encipherment", "client auth"].includes(usage));
      return first(
        other === undefined ? undefined : `invalid usage for client certificate: ${other}`,
        usages.includes("client auth") ? undefined : "missing required usage for client certificate: client auth",
      );
    }
    default:
      return undefined;
  }
}

/** Who made a request, as the server recorded it. */
export interface Requester {
  readonly username: string;
  readonly groups: readonly string[];
}

/** A permission that lets a request be approved without anybody looking. */
export interface AutomaticApproval {
  /** Subresource of certificatesigningrequests that the requester must be allowed to create. */
  readonly permission: "selfnodeclient" | "nodeclient";
  readonly message: string;
}

/** Ways a kubelet client request may be approved, narrowest first. */
export function automaticApprovals(
  signerName: string,
  request: RequestContents,
  usages: readonly string[],
  requester: Requester,
): readonly AutomaticApproval[] {
  if (signerName !== KUBELET_CLIENT_SIGNER || checkRequest(signerName, request, usages)?.ok !== true) return [];
  const own: AutomaticApproval = {
    permission: "selfnodeclient",
    message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
  };
  const any: AutomaticApproval = {
    permission: "nodeclient",
    message: "Auto approving kubelet client certificate after SubjectAccessReview.",
  };
  return requester.username === request.commonName ? [own, any] : [any];
}

/**
 * Whether a serving request may be approved because the names it asks for are known, from elsewhere, to be those of the
 * node that asks. `knownNames` is undefined for a node of which nothing is known.
 */
export function isServingRequestOfNode(
  signerName: string,
  request: RequestContents,
  usages: readonly string[],
  requester: Requester,
  knownNames: readonly string[] | undefined,
): boolean {
  return (
    signerName === KUBELET_SERVING_SIGNER &&
    checkRequest(signerName, request, usages)?.ok === true &&
    requester.username === request.commonName &&
    requester.groups.includes(NODES_GROUP) &&
    knownNames !== undefined &&
    [...request.dnsNames, ...request.ipAddresses].every((name) => knownNames.includes(name))
  );
}

/** The node a user or common name stands for; undefined when it is none. */
export function nodeOfUser(user: string): string | undefined {
  return user.startsWith(NODE_USER_PREFIX) ? user.slice(NODE_USER_PREFIX.length) : undefined;
}

function isNodesOnly({ organizations }: RequestContents): boolean {
  return organizations.length === 1 && organizations[0] === NODES_GROUP;
}

function isNodeName({ commonName }: RequestContents): boolean {
  return commonName.startsWith(NODE_USER_PREFIX);
}

function usagesProblem(usages: readonly string[], purpose: "client auth" | "server auth"): string | undefined {
  const given = new Set(usages);
  const extra = given.has("key encipherment") ? 1 : 0;
  const fits = given.has("digital signature") && given.has(purpose) && given.size === 2 + extra;
  if (fits) return undefined;
  return `usages did not match [${[purpose, "digital signature", "key encipherment"].sort().join(" ")}]`;
}

function first(...problems: readonly (string | undefined)[]): Result<true> {
  const problem = problems.find((text) => text !== undefined);
  return problem === undefined ? ok(true) : failed(problem);
}
