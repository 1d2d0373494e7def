import type { KubernetesObject } from "../../api/types.ts";

/** An object every cluster has; made when it is not there, and left alone afterwards. */
export interface ClusterObject {
  /** "pods", "roles.rbac.authorization.k8s.io" */
  readonly kind: string;
  readonly namespace: string;
  readonly object: KubernetesObject;
}

export interface KubernetesService {
  readonly clusterIP: string;
  readonly port: number;
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
}

const NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];
const SERVICE_NAME = "kubernetes";

export const NAMESPACE_OBJECTS: readonly ClusterObject[] = NAMESPACES.map((name) => ({
  kind: "namespaces",
  namespace: "",
  object: { apiVersion: "v1", kind: "Namespace", metadata: { name } },
}));

export const PRIORITY_CLASSES: readonly ClusterObject[] = [
  priorityClass(
    "system-cluster-critical",
    2_000_000_000,
    "system critical pods that must run in the cluster, but can be moved to another node if necessary.",
  ),
  priorityClass(
    "system-node-critical",
    2_000_001_000,
    "system critical pods that must not be moved from their current node.",
  ),
].map((object) => ({ kind: "priorityclasses.scheduling.k8s.io", namespace: "", object }));

function priorityClass(name: string, value: number, usage: string): KubernetesObject {
  return {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value,
    description: `Used for ${usage}`,
  };
}

/** The service by which pods find the API server. */
export function kubernetesService({ clusterIP, port, endpoints }: KubernetesService): KubernetesObject {
  const [first] = endpoints;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: SERVICE_NAME,
      namespace: "default",
      labels: { component: "apiserver", provider: "kubernetes" },
    },
    spec: {
      clusterIP,
      clusterIPs: [clusterIP],
      type: "ClusterIP",
      sessionAffinity: "None",
      ipFamilies: [isIpv6(clusterIP) ? "IPv6" : "IPv4"],
      ipFamilyPolicy: "SingleStack",
      ports: [{ name: "https", protocol: "TCP", port, targetPort: first?.port ?? port }],
    },
  };
}

export function kubernetesEndpoints({ endpoints }: KubernetesService): KubernetesObject {
  const port = endpoints[0]?.port ?? 443;
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      name: SERVICE_NAME,
      namespace: "default",
      labels: { "endpointslice.kubernetes.io/skip-mirror": "true" },
    },
    subsets: [
      {
        addresses: endpoints.map(({ address }) => ({ ip: address })),
        ports: [{ name: "https", port, protocol: "TCP" }],
      },
    ],
  };
}

export function kubernetesEndpointSlice({ endpoints }: KubernetesService): KubernetesObject {
  const port = endpoints[0]?.port ?? 443;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: SERVICE_NAME,
      namespace: "default",
      labels: { "kubernetes.io/service-name": SERVICE_NAME },
    },
    addressType: isIpv6(endpoints[0]?.address ?? "") ? "IPv6" : "IPv4",
    endpoints: endpoints.map(({ address }) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: "https", port, protocol: "TCP" }],
  };
}

function isIpv6(address: string): boolean {
  return address.includes(":");
}
