import type { ClusterClient } from "../../machinery/cluster-client.ts";
import type { FreshReader } from "../../machinery/fresh-reader.ts";
import type { ApiObject, Resource } from "../../machinery/resources.ts";

/**
 * Writes objects when they changed, and remembers the answers. A write fails with Conflict when somebody else wrote since
 * the object was read.
 */
export interface ObjectWriter<T> {
  /** @param before the object as read; `after` is not written when it is that very object. Returns what is stored now. */
  update(before: T, after: T, signal: AbortSignal): Promise<T>;
  updateStatus(before: T, after: T, signal: AbortSignal): Promise<T>;
}

export function createObjectWriter<T extends ApiObject>(
  client: ClusterClient,
  resource: Resource<T>,
  fresh: FreshReader<T>,
): ObjectWriter<T> {
  const kept = (written: T): T => {
    fresh.wrote(written);
    return written;
  };
  return {
    update: async (before, after, signal) =>
      before === after ? before : kept(await client.update(resource, after, signal)),
    updateStatus: async (before, after, signal) =>
      before === after ? before : kept(await client.updateStatus(resource, after, signal)),
  };
}
