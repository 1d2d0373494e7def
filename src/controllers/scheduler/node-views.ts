import type { Node, Pod } from "../../api/types.ts";
import { type NodeView, viewNode } from "../../core/scheduling/node-view.ts";
import { priorityOf } from "../../core/scheduling/preemption.ts";
import type { Index, ObjectReader } from "../../machinery/object-store.ts";
import { keyOf } from "../../machinery/resources.ts";

/** The nodes as the scheduler sees them: with the pods it has just given to them, before the server tells so. */
export interface NodeViews {
  /** For one pod: room that others of at least its priority were promised is not free for it. */
  forPod(pod: Pod): readonly NodeView[];
  assume(pod: Pod, nodeName: string): void;
  /** The server knows better by now, or it did not work. */
  forget(key: string): void;
  isAssumed(key: string): boolean;
  /** The node or a pod on it changed. */
  invalidate(nodeName: string): void;
}

export function createNodeViews(
  nodes: ObjectReader<Node>,
  podsByNode: Index<Pod>,
  nominatedByNode: Index<Pod>,
): NodeViews {
  const assumed = new Map<string, { readonly pod: Pod; readonly nodeName: string }>();
  const views = new Map<string, NodeView>();

  const assignedTo = (nodeName: string): readonly Pod[] => {
    const known = podsByNode(nodeName);
    const keys = new Set(known.map(keyOf));
    const mine = [...assumed]
      .filter(([key, entry]) => entry.nodeName === nodeName && !keys.has(key))
      .map(([, { pod }]) => pod);
    return [...known, ...mine];
  };

  const viewOf = (node: Node): NodeView => {
    const name = node.metadata?.name ?? "";
    const known = views.get(name);
    if (known !== undefined) return known;
    const view = viewNode(node, assignedTo(name));
    views.set(name, view);
    return view;
  };

  return {
    forPod(pod) {
      const key = keyOf(pod);
      return nodes.list().map((node) => {
        const promised = nominatedByNode(node.metadata?.name ?? "").filter(
          (other) => keyOf(other) !== key && priorityOf(other) >= priorityOf(pod) && !assumed.has(keyOf(other)),
        );
        return promised.length === 0 ? viewOf(node) : viewNode(node, [...viewOf(node).pods, ...promised]);
      });
    },
    assume(pod, nodeName) {
      assumed.set(keyOf(pod), { pod, nodeName });
      views.delete(nodeName);
    },
    forget(key) {
      const entry = assumed.get(key);
      if (entry === undefined) return;
      assumed.delete(key);
      views.delete(entry.nodeName);
    },
    isAssumed: (key) => assumed.has(key),
    invalidate: (nodeName) => views.delete(nodeName),
  };
}
