import type { KubernetesObject, PersistentVolume, Pod, VolumeAttachment } from "../../api/types.ts";
import type { Authorizer } from "../../core/authz/attributes.ts";
import { decideForNode } from "../../core/authz/node-authorizer.ts";
import { createNodeGraph, type NodeGraph } from "../../core/authz/node-graph.ts";
import { nodeIdentity } from "../../core/authz/node-identity.ts";
import type { Objects } from "../extension.ts";
import { feedObjects } from "./object-view.ts";

function put(graph: NodeGraph, kind: string, object: KubernetesObject): void {
  switch (kind) {
    case "pods":
      graph.putPod(object as Pod);
      return;
    case "persistentvolumes":
      graph.putVolume(object as PersistentVolume);
      return;
    default:
      graph.putAttachment(object as unknown as VolumeAttachment);
  }
}

function remove(graph: NodeGraph, kind: string, { metadata }: KubernetesObject): void {
  const name = metadata?.name ?? "";
  switch (kind) {
    case "pods":
      graph.removePod(metadata?.namespace ?? "", name);
      return;
    case "persistentvolumes":
      graph.removeVolume(name);
      return;
    default:
      graph.removeAttachment(name);
  }
}

/** The Node authorizer over the server's own objects. */
export function createNodeAuthorizer(objects: Objects): Authorizer {
  const graph = createNodeGraph();
  const load = feedObjects(objects, ["pods", "persistentvolumes", "volumeattachments.storage.k8s.io"], {
    put: (kind, object) => {
      put(graph, kind, object);
    },
    remove: (kind, object) => {
      remove(graph, kind, object);
    },
  });
  return async (attributes) => {
    if (nodeIdentity(attributes.user) === undefined) return { decision: "no-opinion", reason: "" };
    load();
    return decideForNode(graph, attributes);
  };
}
