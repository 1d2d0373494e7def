import type { ObjectMeta } from "../../api/types.ts";
import { type Dependent, isWaitingForDependents } from "../../core/controllers/garbage.ts";
import type { PartialObject, Resource } from "../../machinery/resources.ts";

/** An object in the graph of who owns whom. */
export interface GraphItem {
  readonly uid: string;
  readonly resource: Resource;
  readonly metadata: ObjectMeta;
}

export interface ObjectGraph {
  get(uid: string): GraphItem | undefined;
  put(resource: Resource, object: PartialObject): void;
  remove(uid: string): void;
  /** Objects that name this one as an owner. */
  dependentsOf(uid: string): readonly GraphItem[];
}

export function createObjectGraph(): ObjectGraph {
  const items = new Map<string, GraphItem>();
  const dependents = new Map<string, Set<string>>();

  const unlink = (item: GraphItem): void => {
    for (const owner of item.metadata.ownerReferences ?? []) {
      const group = dependents.get(owner.uid);
      group?.delete(item.uid);
      if (group?.size === 0) dependents.delete(owner.uid);
    }
  };

  const remove = (uid: string): void => {
    const item = items.get(uid);
    if (item === undefined) return;
    items.delete(uid);
    unlink(item);
  };

  return {
    get: (uid) => items.get(uid),
    put(resource, { metadata = {} }) {
      const uid = metadata.uid ?? "";
      if (uid === "") return;
      remove(uid);
      items.set(uid, { uid, resource, metadata });
      for (const owner of metadata.ownerReferences ?? []) {
        const group = dependents.get(owner.uid);
        if (group === undefined) dependents.set(owner.uid, new Set([uid]));
        else group.add(uid);
      }
    },
    remove,
    dependentsOf: (uid) => [...(dependents.get(uid) ?? [])].flatMap((dependent) => items.get(dependent) ?? []),
  };
}

/** How a dependent stands to one of its owners. */
export function asDependent(item: GraphItem, ownerUid: string): Dependent {
  const references = item.metadata.ownerReferences ?? [];
  return {
    uid: item.uid,
    blocks: references.some(({ uid, blockOwnerDeletion }) => uid === ownerUid && blockOwnerDeletion === true),
    waitsForItsOwn: isWaitingForDependents(item.metadata),
  };
}
