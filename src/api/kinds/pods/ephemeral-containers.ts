import { forbiddenField } from "../../field-error.ts";
import { isMirrorPod } from "../../pod.ts";
import { deepEqual, normalize } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, Pod } from "../../types.ts";
import { unifiedDiff } from "../../unified-diff.ts";
import type { KindContext } from "../definition.ts";
import { validatePodAnnotationsUpdate } from "./validate-annotations.ts";
import { annotationsOf, rulesFor, validatePodItself } from "./validate-pod.ts";

/** What a write to pods/ephemeralcontainers stores: the old pod with the list that was sent. */
export function withEphemeralContainers(sent: KubernetesObject, old: KubernetesObject): KubernetesObject {
  const [pod, before] = [sent as Pod, old as Pod];
  const list = pod.spec?.ephemeralContainers;
  return {
    ...old,
    ...(sent.metadata !== undefined && { metadata: sent.metadata }),
    spec: { ...before.spec, ...(list !== undefined && { ephemeralContainers: list }) },
  };
}

/** Ephemeral containers can be added; those that exist stay as they are. */
export function validateEphemeralContainersUpdate(
  object: KubernetesObject,
  oldObject: KubernetesObject,
  context: KindContext,
): readonly FieldError[] {
  const [pod, old] = [object as Pod, oldObject as Pod];
  if (isMirrorPod(old)) return [forbiddenField("", "static pods do not support ephemeral containers")];
  const field = "spec.ephemeralContainers";
  const next = new Map((pod.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]));
  const changed = (old.spec?.ephemeralContainers ?? []).flatMap((container) => {
    const name = JSON.stringify(container.name);
    const after = next.get(container.name);
    if (after === undefined)
      return [forbiddenField(field, `existing ephemeral containers ${name} may not be removed\n`)];
    const [left, right] = [container, after].map((entry) => normalize("V1EphemeralContainer", entry));
    if (deepEqual(left, right)) return [];
    const text = `existing ephemeral containers ${name} may not be changed\n${unifiedDiff(left, right)}`;
    return [forbiddenField(field, text)];
  });
  return [
    ...validatePodItself(pod, old, rulesFor(context, old.spec)),
    ...validatePodAnnotationsUpdate(annotationsOf(pod), annotationsOf(old), "metadata.annotations"),
    ...changed,
  ];
}
