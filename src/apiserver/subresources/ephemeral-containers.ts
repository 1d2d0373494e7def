import { forbiddenField } from "../../api/field-error.ts";
import { deepEqual } from "../../api/schema/normalize.ts";
import type { FieldError } from "../../api/status-error.ts";
import type { EphemeralContainer, KubernetesObject, Pod } from "../../api/types.ts";
import type { Aspect } from "../resources/aspects.ts";

const FIELD = "spec.ephemeralContainers";

/** pods/ephemeralcontainers: containers for debugging can be added to a pod that runs, and never changed or removed. */
export const EPHEMERAL_CONTAINERS: Aspect = {
  subresource: "ephemeralcontainers",
  merge(_kind, sent, old) {
    const { metadata, spec } = old as Pod;
    const ephemeralContainers = (sent as Pod).spec?.ephemeralContainers;
    const { resourceVersion, uid } = sent.metadata ?? {};
    return {
      ...old,
      metadata: {
        ...metadata,
        ...(resourceVersion !== undefined && { resourceVersion }),
        ...(uid !== undefined && { uid }),
      },
      spec: { ...spec, ...(ephemeralContainers !== undefined ? { ephemeralContainers } : {}) },
    } as KubernetesObject;
  },
  prepare: (_kind, object, old) => {
    const generation = old.metadata?.generation;
    if (generation === undefined || deepEqual(object["spec"], old["spec"])) return object;
    return { ...object, metadata: { ...object.metadata, generation: generation + 1 } };
  },
  validate: (kind, object, old, context) => [
    ...changedProblems(object as Pod, old as Pod),
    ...kind.validateCreate(object, context).filter(({ field }) => field.startsWith(FIELD)),
  ],
};

function changedProblems(pod: Pod, old: Pod): readonly FieldError[] {
  const now = new Map<string, EphemeralContainer>((pod.spec?.ephemeralContainers ?? []).map((each) => [each.name, each]));
  return (old.spec?.ephemeralContainers ?? []).flatMap((before): readonly FieldError[] => {
    const after = now.get(before.name);
    const name = JSON.stringify(before.name);
    if (after === undefined) return [forbiddenField(FIELD, `existing ephemeral containers ${name} may not be removed\n`)];
    if (deepEqual(before, after)) return [];
    return [forbiddenField(FIELD, `existing ephemeral containers ${name} may not be changed\n`)];
  });
}
