import { podIsTerminal } from "../../api/pod.ts";
import { addResources, NO_RESOURCES, podRequests, readResources, type Resources } from "../../api/pod-resources.ts";
import type { Node, Pod } from "../../api/types.ts";

/** A node and what already counts against it. */
export interface NodeView {
  readonly node: Node;
  /** Pods bound (or about to be bound) to it that have not ended. */
  readonly pods: readonly Pod[];
  readonly allocatable: Resources;
  readonly requested: Resources;
  readonly hostPorts: readonly HostPort[];
}

export interface HostPort {
  readonly protocol: string;
  /** "0.0.0.0" stands for all addresses. */
  readonly hostIP: string;
  readonly hostPort: number;
}

export function viewNode(node: Node, assigned: readonly Pod[]): NodeView {
  const pods = assigned.filter((pod) => !podIsTerminal(pod));
  return {
    node,
    pods,
    allocatable: readResources(node.status?.allocatable),
    requested: pods.reduce((sum, pod) => addResources(sum, requestsOf(pod)), NO_RESOURCES),
    hostPorts: pods.flatMap(hostPortsOf),
  };
}

export function requestsOf(pod: Pod): Resources {
  return pod.spec === undefined ? NO_RESOURCES : podRequests(pod.spec);
}

export function hostPortsOf(pod: Pod): readonly HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...sidecars, ...(pod.spec?.containers ?? [])].flatMap(({ ports = [] }) =>
    ports
      .filter(({ hostPort = 0 }) => hostPort > 0)
      .map(({ protocol = "TCP", hostIP = "", hostPort = 0 }) => ({
        protocol: protocol === "" ? "TCP" : protocol,
        hostIP: hostIP === "" ? "0.0.0.0" : hostIP,
        hostPort,
      })),
  );
}

/** Whether two host ports can not be open on one node at the same time. */
export function portsCollide(a: HostPort, b: HostPort): boolean {
  return (
    a.hostPort === b.hostPort &&
    a.protocol === b.protocol &&
    (a.hostIP === b.hostIP || a.hostIP === "0.0.0.0" || b.hostIP === "0.0.0.0")
  );
}
