import { LRUCache } from "lru-cache";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { OwnerReference } from "../../api/types.ts";
import { isWaitingForDependents, type KnownOwner } from "../../core/controllers/garbage.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import type { DiscoveryCache } from "../../machinery/discovery.ts";
import { apiVersionOf, type Resource } from "../../machinery/resources.ts";
import type { GraphItem, ObjectGraph } from "./object-graph.ts";

export interface OwnerLookup {
  /**
   * What is known of an owner; the server is asked unless the graph shows it alive. Throws when that can not be told
   * (unknown kind, server away): then nothing may be deleted.
   */
  stateOf(item: GraphItem, reference: OwnerReference, signal: AbortSignal): Promise<KnownOwner>;
}

export interface OwnerLookupDeps {
  readonly client: ClusterClient;
  readonly graph: ObjectGraph;
  readonly discovery: DiscoveryCache;
}

/** Owners found absent, by what they were looked for: a UID never comes back. */
const ABSENT_ENTRIES = 500;

export function createOwnerLookup({ client, graph, discovery }: OwnerLookupDeps): OwnerLookup {
  const absent = new LRUCache<string, true>({ max: ABSENT_ENTRIES });

  const resourceOf = async ({ apiVersion, kind }: OwnerReference, signal: AbortSignal): Promise<Resource> => {
    const { served } = await discovery.get(signal);
    const [version = "", group = ""] = apiVersion.split("/").toReversed();
    const exact = served.find(({ resource }) => apiVersionOf(resource) === apiVersion && resource.kind === kind);
    const other = served.find(({ resource }) => resource.group === group && resource.kind === kind);
    if (exact !== undefined) return exact.resource;
    if (other !== undefined) return { ...other.resource, version };
    throw new OrlopError("Unavailable", `The server does not tell what an owner of kind ${apiVersion} ${kind} is`);
  };

  return {
    async stateOf(item, reference, signal) {
      const namespace = item.metadata.namespace ?? "";
      const known = graph.get(reference.uid);
      if (known !== undefined && isAt(known, reference, namespace)) {
        return { reference, state: isWaitingForDependents(known.metadata) ? "waiting" : "solid" };
      }
      const key = [reference.apiVersion, reference.kind, namespace, reference.name, reference.uid].join("\0");
      if (absent.has(key)) return { reference, state: "absent" };
      const resource = await resourceOf(reference, signal);
      // A cluster-scoped object can not have an owner inside a namespace: a mistake, not a reason to delete.
      if (resource.namespaced && namespace === "") return { reference, state: "solid" };
      const owner = await client
        .get(resource, { name: reference.name, ...(resource.namespaced && { namespace }) }, signal)
        .catch((reason: unknown) => {
          if (hasReason(reason, "NotFound")) return undefined;
          throw reason;
        });
      if (owner?.metadata?.uid !== reference.uid) {
        absent.set(key, true);
        return { reference, state: "absent" };
      }
      return { reference, state: isWaitingForDependents(owner.metadata) ? "waiting" : "solid" };
    },
  };
}

function isAt({ resource, metadata }: GraphItem, reference: OwnerReference, namespace: string): boolean {
  const [, group = ""] = reference.apiVersion.split("/").toReversed();
  return (
    resource.kind === reference.kind &&
    resource.group === group &&
    metadata.name === reference.name &&
    (!resource.namespaced || metadata.namespace === namespace)
  );
}
