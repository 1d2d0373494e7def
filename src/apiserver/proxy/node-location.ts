import { StatusError } from "../../api/status-error.ts";
import type { Node } from "../../api/types.ts";

/** Where a kubelet serves. */
export interface NodeLocation {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 10250;
/** Addresses before names: a node's name need not resolve here. */
const PREFERRED = ["InternalIP", "ExternalIP", "InternalDNS", "ExternalDNS", "Hostname"];

/** Reads address and port of the kubelet from what the node reports. Throws StatusError when it reports no address. */
export function nodeLocation(node: Node): NodeLocation {
  const addresses = node.status?.addresses ?? [];
  for (const type of PREFERRED) {
    const found = addresses.find((address) => address.type === type);
    if (found === undefined) continue;
    const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
    return { host: found.address, port: port > 0 ? port : DEFAULT_PORT };
  }
  const known = addresses.map(({ type, address }) => `{${type} ${address}}`).join(" ");
  throw new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `no preferred addresses found; known addresses: [${known}]`,
    code: 500,
  });
}
