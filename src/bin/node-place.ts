import { hostname } from "node:os";
import { createLinuxFacts } from "../adapters/linux/facts.ts";
import { UsageError } from "../cli/usage-error.ts";
import { decideNodeAddresses, decideNodeName } from "../kubelet/node/node-identity.ts";
import type { Result } from "../lib/result.ts";

/** How the node is called and under which addresses others reach it. */
export interface NodePlace {
  readonly name: string;
  /** Primary first. */
  readonly addresses: readonly [string, ...string[]];
}

/** Decides over --node-name and --node-ip with what this machine has. Throws UsageError. */
export async function findNodePlace(wanted: {
  readonly nodeName?: string;
  readonly nodeIp?: string;
}): Promise<NodePlace> {
  const { all, default: primary } = await createLinuxFacts().addresses();
  const [first, ...more] = required(
    decideNodeAddresses({
      addresses: all,
      ...(wanted.nodeIp !== undefined && { wanted: wanted.nodeIp }),
      ...(primary !== undefined && { default: primary }),
    }),
  );
  if (first === undefined) throw new UsageError("this machine has no address for a node: give one with --node-ip");
  return { name: required(decideNodeName(hostname(), wanted.nodeName)), addresses: [first, ...more] };
}

function required<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new UsageError(result.reason);
}
