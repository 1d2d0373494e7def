import type { Node, NodeStatus, Taint } from "../../api/types.ts";
import { GIT_VERSION } from "../../api/version.ts";
import type { RuntimeHandler, RuntimeImage, RuntimeInfo } from "../../ports/container-runtime.ts";
import type { MachineInformation } from "../../ports/host-facts.ts";
import type { NodeConditions } from "./node-conditions.ts";
import type { NodeResources } from "./node-resources.ts";

const MAX_NAMES_PER_IMAGE = 5;

export interface NodeFacts {
  readonly nodeName: string;
  /** Primary first. */
  readonly addresses: readonly string[];
  readonly machine: MachineInformation;
  readonly resources: NodeResources;
  readonly runtime: RuntimeInfo | undefined;
  readonly handlers: readonly RuntimeHandler[];
  /** undefined while the runtime was not asked yet. */
  readonly supplementalGroupsPolicy: boolean | undefined;
  readonly images: readonly RuntimeImage[];
  /** -1 for all. */
  readonly maximumImages: number;
  readonly conditions: NodeConditions["conditions"];
  readonly declaredFeatures: readonly string[];
  /** Port of the kubelet's API. */
  readonly port: number;
}

/** All of the node's status that a kubelet owns. */
export function buildNodeStatus(facts: NodeFacts): NodeStatus {
  const { machine, resources } = facts;
  return {
    addresses: [
      ...facts.addresses.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: facts.nodeName },
    ],
    capacity: resources.capacity,
    allocatable: resources.allocatable,
    conditions: facts.conditions,
    daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.systemUuid,
      bootID: machine.bootId,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: runtimeVersion(facts.runtime),
      kubeletVersion: GIT_VERSION,
      kubeProxyVersion: "",
      operatingSystem: "linux",
      architecture: machine.architecture,
      ...(machine.swapBytes > 0 && { swap: { capacity: machine.swapBytes } }),
    },
    images: imageList(facts.images, facts.maximumImages),
    runtimeHandlers: facts.handlers.map(({ name, recursiveReadOnlyMounts, userNamespaces }) => ({
      name,
      features: { recursiveReadOnlyMounts, userNamespaces },
    })),
    ...(facts.supplementalGroupsPolicy !== undefined && {
      features: { supplementalGroupsPolicy: facts.supplementalGroupsPolicy },
    }),
    ...(facts.declaredFeatures.length > 0 && { declaredFeatures: facts.declaredFeatures }),
  };
}

function runtimeVersion(runtime: RuntimeInfo | undefined): string {
  return runtime === undefined ? "" : `${runtime.name}://${runtime.version.replace(/^v/, "")}`;
}

/** Largest first, so that the scheduler knows of those that are dear to pull. */
function imageList(images: readonly RuntimeImage[], maximum: number): NonNullable<NodeStatus["images"]> {
  const sorted = images.toSorted((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1));
  return (maximum < 0 ? sorted : sorted.slice(0, maximum)).map(({ digests, tags, sizeBytes }) => ({
    names: [...digests, ...tags].slice(0, MAX_NAMES_PER_IMAGE),
    sizeBytes,
  }));
}

export interface InitialNodeOptions {
  readonly nodeName: string;
  readonly architecture: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** "" for none. */
  readonly providerId: string;
  readonly controllerAttachDetach: boolean;
}

/** Labels a kubelet sets again on a node that exists. Others belong to the administrator once they are there. */
function defaultLabels({ nodeName, architecture }: InitialNodeOptions): Readonly<Record<string, string>> {
  return {
    "beta.kubernetes.io/arch": architecture,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": architecture,
    "kubernetes.io/hostname": nodeName,
    "kubernetes.io/os": "linux",
  };
}

/** The node as it is first registered. */
export function initialNode(options: InitialNodeOptions, status: NodeStatus): Node {
  const { taints, providerId } = options;
  const spec = { ...(taints.length > 0 && { taints }), ...(providerId !== "" && { providerID: providerId }) };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: options.nodeName,
      labels: { ...defaultLabels(options), ...options.labels },
      ...(options.controllerAttachDetach && {
        annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
      }),
    },
    spec,
    status,
  };
}

/** Merge patch that brings an adopted node's metadata in line; undefined when it is. */
export function adoptionPatch(existing: Node, options: InitialNodeOptions): unknown {
  const labels = Object.fromEntries(
    Object.entries(defaultLabels(options)).filter(([name, value]) => existing.metadata?.labels?.[name] !== value),
  );
  return Object.keys(labels).length === 0 ? undefined : { metadata: { labels } };
}
