import type { KindDefinition } from "../../api/kinds/definition.ts";
import type { KubernetesObject, ObjectMeta } from "../../api/types.ts";

export function typeOf({ group, version, kind }: KindDefinition): {
  readonly kind: string;
  readonly apiVersion: string;
} {
  return { kind, apiVersion: group === "" ? version : `${group}/${version}` };
}

export interface SystemFields {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly creationTimestamp: string;
  readonly generation: number | undefined;
}

/** What a creator may say about itself, and what the server says. */
export function createMetadata(
  given: ObjectMeta,
  { name, namespace, generation, ...system }: SystemFields,
): ObjectMeta {
  const { generateName, labels, annotations, ownerReferences, finalizers } = given;
  return {
    name,
    ...(generateName !== undefined && { generateName }),
    ...(namespace !== "" && { namespace }),
    ...system,
    ...(generation !== undefined && { generation }),
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
    ...(ownerReferences !== undefined && { ownerReferences }),
    ...(finalizers !== undefined && { finalizers }),
  } as ObjectMeta;
}

/** System fields are the stored ones, whatever was sent. A uid that differs was refused before. */
export function updateMetadata(sent: ObjectMeta, old: ObjectMeta): ObjectMeta {
  const {
    managedFields: _,
    selfLink: __,
    generation: ___,
    namespace: ____,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    ...rest
  } = sent;
  const grace = old.deletionGracePeriodSeconds;
  return {
    ...rest,
    ...(old.namespace !== undefined && { namespace: old.namespace }),
    ...(old.uid !== undefined && { uid: old.uid }),
    ...(old.resourceVersion !== undefined && { resourceVersion: old.resourceVersion }),
    ...(old.generation !== undefined && { generation: old.generation }),
    ...(old.creationTimestamp !== undefined && { creationTimestamp: old.creationTimestamp }),
    ...(old.deletionTimestamp !== undefined
      ? { deletionTimestamp: old.deletionTimestamp }
      : deletionTimestamp !== undefined && { deletionTimestamp }),
    ...(grace !== undefined && deletionGracePeriodSeconds === undefined
      ? { deletionGracePeriodSeconds: grace }
      : deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
  };
}

export function withNextGeneration(object: KubernetesObject): KubernetesObject {
  return { ...object, metadata: { ...object.metadata, generation: (object.metadata?.generation ?? 0) + 1 } };
}

export function withoutName(object: KubernetesObject): KubernetesObject {
  const { name: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}

export function withoutVersion(object: KubernetesObject): KubernetesObject {
  const { resourceVersion: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}
