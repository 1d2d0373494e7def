import type { KindContext, KindDefinition } from "../../api/kinds/definition.ts";
import { validateObjectMetaUpdate } from "../../api/object-meta.ts";
import { deepEqual, normalize } from "../../api/schema/normalize.ts";
import { invalid } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import type { AdmissionRequest } from "../extension.ts";
import type { Entry } from "../storage/entry.ts";
import type { WriteDecision } from "../storage/storage.ts";
import { MAIN } from "./aspects.ts";
import { completesDeletion } from "./deletion.ts";
import { checkIdentity, checkVersion } from "./object-identity.ts";
import type { Change, WriteContext } from "./write-context.ts";
import { typeOf, updateMetadata, withNextGeneration } from "./system-metadata.ts";

/** What an update of the current version comes to: defaults, admission, validation. Throws StatusError. */
export async function decideUpdate(
  kindContext: () => KindContext,
  kind: KindDefinition,
  namespace: string,
  name: string,
  { aspect, apply }: Change,
  current: Entry,
  context: WriteContext,
): Promise<WriteDecision> {
  const old = current.object;
  const sent = await apply(old);
  if (sent === old) return { type: "keep" };
  checkIdentity(kind, namespace, name, sent, old);
  let next = kind.applyDefaults(aspect.merge(kind, { ...sent, ...typeOf(kind) }, old));
  const request: Omit<AdmissionRequest, "object"> = {
    operation: "update",
    kind,
    subresource: aspect.subresource,
    namespace,
    name,
    user: context.user,
    dryRun: context.dryRun,
    ...(context.annotate !== undefined && { annotate: context.annotate }),
    old,
  };
  if (context.admission !== undefined) next = await context.admission.mutate({ ...request, object: next });
  checkVersion(kind, name, next, old);
  next = { ...next, metadata: updateMetadata(next.metadata ?? {}, old.metadata ?? {}) };
  next = normalize(kind.schema, aspect.prepare(kind, next, old, kindContext()));
  if (kind.hasGeneration && aspect.countsGeneration && specDiffers(next, old)) next = withNextGeneration(next);
  const problems = [
    ...validateObjectMetaUpdate(next.metadata, old.metadata),
    ...aspect.validate(kind, next, old, kindContext()),
  ];
  if (problems.length > 0) throw invalid(kind, name, problems);
  if (aspect === MAIN) for (const text of kind.warnings(next, kindContext(), old)) context.warn(text);
  await context.admission?.validate({ ...request, object: next }, context.warn);
  if (completesDeletion(next, old)) return { type: "delete", object: next };
  return deepEqual(next, old) ? { type: "keep" } : { type: "put", object: next };
}

/** Whether anything but metadata and status changed. */
function specDiffers(next: KubernetesObject, old: KubernetesObject): boolean {
  const { metadata: _, status: __, ...nextRest } = next;
  const { metadata: ___, status: ____, ...oldRest } = old;
  return !deepEqual(nextRest, oldRest);
}
