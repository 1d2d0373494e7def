import type { Node } from "../../api/types.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { NODES } from "../../machinery/resources.ts";

/** How far taking a volume back from a node has come. */
export type Withdrawal =
  /** The node is not told yet. */
  | "asked"
  /** The node is told that it may not mount it, and had not. */
  | "withdrawn";

/**
 * What nodes are told of their volumes, in `status.volumesAttached`. A volume is taken back in two steps: first the node is
 * told, then its answer shows whether it had begun to use it. A node reports use before it looks whether it may, so one of
 * both always sees the other.
 */
export interface NodeReports {
  /** The volume is to be taken back from the node. @param isForced whether it mounts it or not */
  withdraw(node: string, volume: string, isForced: boolean): void;
  /** It may stay after all, or is gone. */
  forget(node: string, volume: string): void;
  withdrawal(node: string, volume: string): Withdrawal | undefined;
  /** Nodes a volume is being taken back from. */
  nodesOf(volume: string): readonly string[];
  /** Tells the node; returns volumes whose withdrawal came further or was given up. */
  report(node: Node, attached: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** A node that is gone can mount nothing. */
  nodeGone(node: string): readonly string[];
}

export function createNodeReports(client: ClusterClient): NodeReports {
  const byNode = new Map<string, Map<string, { readonly isForced: boolean; readonly at: Withdrawal }>>();
  const of = (node: string) => byNode.get(node) ?? new Map<string, { isForced: boolean; at: Withdrawal }>();
  const settle = (node: string, inUse: readonly string[]): readonly string[] => {
    const changed: string[] = [];
    for (const [volume, { isForced, at }] of of(node)) {
      if (at === "withdrawn") continue;
      if (inUse.includes(volume) && !isForced) byNode.get(node)?.delete(volume);
      else byNode.get(node)?.set(volume, { isForced, at: "withdrawn" });
      changed.push(volume);
    }
    return changed;
  };

  return {
    withdraw(node, volume, isForced) {
      const known = of(node);
      if (known.has(volume)) return;
      known.set(volume, { isForced, at: "asked" });
      byNode.set(node, known);
    },
    forget(node, volume) {
      byNode.get(node)?.delete(volume);
      if (byNode.get(node)?.size === 0) byNode.delete(node);
    },
    withdrawal: (node, volume) => byNode.get(node)?.get(volume)?.at,
    nodesOf: (volume) => [...byNode].filter(([, its]) => its.has(volume)).map(([node]) => node),
    nodeGone: (node) => settle(node, []),
    async report(node, attached, signal) {
      const name = node.metadata?.name ?? "";
      const told = (node.status?.volumesAttached ?? []).map((volume) => volume.name);
      const wanted = attached.filter((volume) => !of(name).has(volume));
      const isAsked = [...of(name).values()].some(({ at }) => at === "asked");
      if (told.length === wanted.length && told.every((volume) => wanted.includes(volume)) && !isAsked) return [];
      const volumesAttached = wanted.map((volume) => ({ name: volume, devicePath: "" }));
      const value = { metadata: { uid: node.metadata?.uid }, status: { volumesAttached } };
      try {
        const answer = await client.patch(NODES, { name }, { type: "merge", value }, signal, { subresource: "status" });
        return settle(name, answer.status?.volumesInUse ?? []);
      } catch (reason) {
        if (!hasReason(reason, "NotFound")) throw reason;
        return settle(name, []);
      }
    },
  };
}
