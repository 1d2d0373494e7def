import type { Pod } from "../../../api/types.ts";
import type { RouteHandler } from "../routes.ts";

/** A v1 PodList. An empty one says null, as upstream's encoder does. */
export function createPodListHandler(pods: () => readonly Pod[]): RouteHandler {
  /** Pods change rarely and agents ask often: what did not change is not written again. */
  const texts = new WeakMap<Pod, string>();
  const textOf = (pod: Pod): string => {
    const known = texts.get(pod);
    if (known !== undefined) return known;
    const text = JSON.stringify(pod);
    texts.set(pod, text);
    return text;
  };
  return async () => {
    const items = pods().map(textOf);
    const list = items.length === 0 ? "null" : `[${items.join(",")}]`;
    return {
      status: 200,
      headers: { "content-type": "application/json" },
      body: `{"kind":"PodList","apiVersion":"v1","metadata":{},"items":${list}}`,
    };
  };
}
