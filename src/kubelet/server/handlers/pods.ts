import type { Pod } from "../../../api/types.ts";
import { jsonAnswer } from "./json-answer.ts";
import type { RouteHandler } from "../routes.ts";

/** A v1 PodList. An empty one says null, as upstream's encoder does. */
export function createPodListHandler(pods: () => readonly Pod[]): RouteHandler {
  return async () => {
    const items = pods();
    return jsonAnswer({ kind: "PodList", apiVersion: "v1", metadata: {}, items: items.length === 0 ? null : items });
  };
}
