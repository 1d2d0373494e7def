import { forbiddenField, when } from "../../field-error.ts";
import { MIRROR_POD_ANNOTATION } from "../../pod.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, Pod, Unchecked } from "../../types.ts";
import type { KindContext } from "../definition.ts";
import { podRules } from "./pod-rules.ts";
import type { AnyPodSpec, PodRules } from "./pod-rules.ts";
import { validatePodAnnotations, validateProfilesMatch } from "./validate-annotations.ts";
import { validateForPod } from "./validate-containers.ts";
import { validatePodSpec } from "./validate-pod-spec.ts";
import { isOddHugePageAmount } from "./validate-resources.ts";
import { hasHostSysctl } from "./validate-sysctls.ts";

type AnyPod = Unchecked<Pod>;
type Annotations = Readonly<Record<string, string>>;

export function annotationsOf(pod: AnyPod): Annotations {
  return (pod.metadata?.annotations ?? {}) as Annotations;
}

export function rulesFor(context: KindContext, old: AnyPodSpec | undefined, isPod = true): PodRules {
  return podRules(context.gates, old, { isOddHugePageAmount, hasHostSysctl }, isPod);
}

function tokenErrors(spec: AnyPodSpec, root: string): readonly FieldError[] {
  if ((spec.serviceAccountName ?? "") !== "") return [];
  return (spec.volumes ?? []).flatMap(({ projected }, i) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }, j) =>
      when(
        serviceAccountToken !== undefined,
        forbiddenField(
          `${root}.volumes[${i}].projected.sources[${j}].serviceAccountToken`,
          "must not be specified when serviceAccountName is not set",
        ),
      ),
    ),
  );
}

/** Everything a pod must obey at any time. */
export function validatePodItself(pod: AnyPod, old: AnyPod | undefined, rules: PodRules): readonly FieldError[] {
  const spec = pod.spec ?? {};
  const annotations = annotationsOf(pod);
  const isMirrorWithClaims = annotations[MIRROR_POD_ANNOTATION] !== undefined && (spec.resourceClaims ?? []).length > 0;
  return [
    ...validatePodAnnotations(annotations, old && annotationsOf(old), spec, "metadata.annotations"),
    ...when(isMirrorWithClaims, forbiddenField("", "static pods do not support resource claims")),
    ...validatePodSpec(spec, pod.metadata?.name ?? "", "spec", rules, old?.spec),
    ...tokenErrors(spec, "spec"),
    ...validateForPod(spec, "spec"),
  ];
}

export function validatePodCreate(object: KubernetesObject, context: KindContext): readonly FieldError[] {
  const pod = object as AnyPod;
  const spec = pod.spec ?? {};
  const isGated = (spec.schedulingGates ?? []).length > 0;
  return [
    ...validatePodItself(pod, undefined, rulesFor(context, undefined)),
    ...when(
      (spec.ephemeralContainers ?? []).length > 0,
      forbiddenField("spec.ephemeralContainers", "cannot be set on create"),
    ),
    ...when(
      (spec.nodeName ?? "") !== "" && isGated,
      forbiddenField("spec.nodeName", "cannot be set until all schedulingGates have been cleared"),
    ),
    ...validateProfilesMatch(annotationsOf(pod), spec, "spec"),
  ];
}

/** The spec of a pod template. */
export function validateTemplateSpec(
  spec: AnyPodSpec | undefined,
  old: AnyPodSpec | undefined,
  root: string,
  context: KindContext,
): readonly FieldError[] {
  return [
    ...validatePodSpec(spec ?? {}, "", root, rulesFor(context, old, false), old),
    ...when(
      (spec?.ephemeralContainers ?? []).length > 0,
      forbiddenField(`${root}.ephemeralContainers`, "ephemeral containers not allowed in pod template"),
    ),
  ];
}
