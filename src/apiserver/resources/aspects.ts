import { validateNamespaceFinalizers } from "../../api/kinds/core/validate-namespace.ts";
import type { KindContext, KindDefinition } from "../../api/kinds/definition.ts";
import type { FieldError } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";

/** What a write may change: the main resource all but its status, a subresource only its own part. */
export interface Aspect {
  /** "" is the main resource. */
  readonly subresource: string;
  /** Whether a change of anything but metadata and status counts in metadata.generation. */
  readonly countsGeneration: boolean;
  /** The object to store, made of what was sent and what stays as it is. */
  readonly merge: (kind: KindDefinition, sent: KubernetesObject, old: KubernetesObject) => KubernetesObject;
  readonly prepare: (
    kind: KindDefinition,
    object: KubernetesObject,
    old: KubernetesObject,
    context: KindContext,
  ) => KubernetesObject;
  readonly validate: (
    kind: KindDefinition,
    object: KubernetesObject,
    old: KubernetesObject,
    context: KindContext,
  ) => readonly FieldError[];
}

export const MAIN: Aspect = {
  subresource: "",
  countsGeneration: true,
  merge: (kind, sent, old) => (kind.hasStatus ? withField(sent, "status", old["status"]) : sent),
  prepare: (kind, object, old, context) => kind.prepareForUpdate(object, old, context),
  validate: (kind, object, old, context) => kind.validateUpdate(object, old, context),
};

export const STATUS: Aspect = {
  subresource: "status",
  countsGeneration: false,
  merge: (_kind, sent, old) => withField(keepingOwners(sent, old), "status", sent["status"]),
  prepare: (kind, object, old, context) => kind.prepareForStatusUpdate(object, old, context),
  validate: (kind, object, old, context) => kind.validateStatusUpdate(object, old, context),
};

/** namespaces/finalize: only spec.finalizers. */
export const FINALIZE: Aspect = {
  subresource: "finalize",
  countsGeneration: false,
  merge: (_kind, sent, old) => withField(keepingOwners(sent, old), "spec", sent["spec"]),
  prepare: (_kind, object) => object,
  validate: (_kind, object) => validateNamespaceFinalizers(object),
};

/** Everything but metadata as it was; of the metadata, owners can not be changed through a subresource. */
function keepingOwners(sent: KubernetesObject, old: KubernetesObject): KubernetesObject {
  const { ownerReferences: _, ...metadata } = sent.metadata ?? {};
  const owners = old.metadata?.ownerReferences;
  return { ...old, metadata: { ...metadata, ...(owners !== undefined && { ownerReferences: owners }) } };
}

function withField(object: KubernetesObject, field: string, value: unknown): KubernetesObject {
  const { [field]: _, ...rest } = object;
  return value === undefined ? rest : { ...rest, [field]: value };
}
