import { hasReason } from "../../machinery/answer-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import type { ApiObject, Resource } from "../../machinery/resources.ts";

/** Puts one finalizer on objects and takes it away; the object must still be as it was seen. */
export interface FinalizerEditor<T extends ApiObject> {
  has(object: T): boolean;
  /** Does nothing when it is there. */
  add(object: T, signal: AbortSignal): Promise<void>;
  remove(object: T, signal: AbortSignal): Promise<void>;
}

export function createFinalizerEditor<T extends ApiObject>(
  client: ClusterClient,
  resource: Resource<T>,
  finalizer: string,
): FinalizerEditor<T> {
  const has = (object: T): boolean => (object.metadata?.finalizers ?? []).includes(finalizer);
  const set = async (object: T, finalizers: readonly string[], signal: AbortSignal): Promise<void> => {
    const changed = { ...object, metadata: { ...object.metadata, finalizers } };
    await client.update(resource, changed, signal).catch((reason: unknown) => {
      if (!hasReason(reason, "NotFound")) throw reason;
    });
  };
  return {
    has,
    async add(object, signal) {
      if (!has(object)) await set(object, [...(object.metadata?.finalizers ?? []), finalizer], signal);
    },
    remove: (object, signal) =>
      set(
        object,
        (object.metadata?.finalizers ?? []).filter((other) => other !== finalizer),
        signal,
      ),
  };
}
