import { forbiddenField, invalidValue, required, when } from "../../field-error.ts";
import { rangeProblem } from "../../names.ts";
import { deepEqual, normalize } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, Pod, PodSpec, Unchecked } from "../../types.ts";
import { unifiedDiff } from "../../unified-diff.ts";
import type { KindContext } from "../definition.ts";
import type { AnyContainer, AnyPodSpec, PodRules } from "./pod-rules.ts";
import { validatePodAnnotationsUpdate } from "./validate-annotations.ts";
import { annotationsOf, rulesFor, validatePodItself } from "./validate-pod.ts";
import { validateTolerations } from "./validate-scheduling.ts";

const UPDATABLE = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

const LARGEST_DEADLINE = 2 ** 31 - 1;

type Containers = readonly AnyContainer[];

function imageErrors(containers: Containers, old: Containers, field: string): readonly FieldError[] | "stop" {
  if (containers.length !== old.length) return "stop";
  return containers.flatMap(({ image = "" }, i) => [
    ...when(image === "", required(`${field}[${i}].image`)),
    ...when(
      image.trim() !== image,
      invalidValue(`${field}[${i}].image`, image, "must not have leading or trailing whitespace"),
    ),
  ]);
}

function deadlineErrors(spec: AnyPodSpec, old: AnyPodSpec): readonly FieldError[] {
  const [next, before] = [spec.activeDeadlineSeconds, old.activeDeadlineSeconds];
  const field = "spec.activeDeadlineSeconds";
  if (next === undefined) {
    const text = "must not update from a positive integer to nil value";
    return when(before !== undefined, invalidValue(field, undefined, text));
  }
  if (next < 0 || next > LARGEST_DEADLINE) return [invalidValue(field, next, rangeProblem(0, LARGEST_DEADLINE))];
  const isLater = before !== undefined && before < next;
  return when(isLater, invalidValue(field, next, "must be less than or equal to previous value"));
}

function tolerationErrors(spec: AnyPodSpec, old: AnyPodSpec, rules: PodRules): readonly FieldError[] {
  const added = spec.tolerations ?? [];
  const isKept = (old.tolerations ?? []).every((toleration) =>
    added.some((entry) => deepEqual({ ...toleration, tolerationSeconds: 0 }, { ...entry, tolerationSeconds: 0 })),
  );
  const field = "spec.tolerations";
  if (!isKept) return [forbiddenField(field, "existing toleration can not be modified except its tolerationSeconds")];
  return validateTolerations(added, field, rules);
}

function gateErrors(spec: AnyPodSpec, old: AnyPodSpec): readonly FieldError[] {
  const before = new Set((old.schedulingGates ?? []).map(({ name }) => name));
  return (spec.schedulingGates ?? []).flatMap(({ name }, i) => {
    const text = `only deletion is allowed, but found new scheduling gate '${name ?? ""}'`;
    return when(!before.has(name), forbiddenField(`spec.schedulingGates[${i}].name`, text));
  });
}

function withImagesOf(containers: Containers | undefined, old: Containers | undefined): Containers | undefined {
  return containers?.map((container, i) => ({ ...container, image: old?.[i]?.image }));
}

type NodeAffinity = NonNullable<AnyPodSpec["affinity"]>["nodeAffinity"];

function onlyAdds(next: readonly unknown[], before: readonly unknown[]): boolean {
  return next.length >= before.length && deepEqual(next.slice(0, before.length), before);
}

function nodeAffinityErrors(next: NodeAffinity, before: NodeAffinity): readonly FieldError[] {
  const terms = before?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const nextTerms = next?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const field = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
  if (terms.length === 0) return [];
  if (terms.length !== nextTerms.length) {
    return [invalidValue(field, nextTerms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")];
  }
  return terms.flatMap((term, i) => {
    const { matchExpressions = [], matchFields = [] } = term;
    const after = nextTerms[i];
    const isEmpty = matchExpressions.length === 0 && matchFields.length === 0;
    const hasMore = (after?.matchExpressions ?? []).length > 0 || (after?.matchFields ?? []).length > 0;
    const isRight =
      !(isEmpty && hasMore) &&
      onlyAdds(after?.matchExpressions ?? [], matchExpressions) &&
      onlyAdds(after?.matchFields ?? [], matchFields);
    return when(
      !isRight,
      invalidValue(`${field}[${i}]`, after, "only additions are allowed (no mutations or deletions)"),
    );
  });
}

/** A pod that waits at a scheduling gate may still be steered to fewer nodes. */
function gatedChanges(
  spec: AnyPodSpec,
  old: AnyPodSpec,
): { readonly spec: AnyPodSpec; readonly errors: readonly FieldError[] } {
  if ((old.schedulingGates ?? []).length === 0) return { spec, errors: [] };
  const before = Object.entries(old.nodeSelector ?? {});
  const isNarrower = before.every(([key, value]) => spec.nodeSelector?.[key] === value);
  const text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
  const [next, previous] = [spec.affinity?.nodeAffinity, old.affinity?.nodeAffinity];
  const errors = [
    ...when(!isNarrower, invalidValue("spec.nodeSelector", spec.nodeSelector, text)),
    ...(deepEqual(next, previous) ? [] : nodeAffinityErrors(next, previous)),
  ];
  const affinity = { ...spec.affinity, nodeAffinity: previous };
  const isBare = old.affinity === undefined && Object.values(affinity).every((entry) => entry === undefined);
  const kept = { ...spec, nodeSelector: old.nodeSelector, affinity: isBare ? undefined : affinity };
  return { spec: kept, errors };
}

function isDifferent(spec: AnyPodSpec, old: AnyPodSpec): boolean {
  return !deepEqual(normalize("V1PodSpec", spec), normalize("V1PodSpec", old));
}

function specErrors(given: AnyPodSpec, old: AnyPodSpec): readonly FieldError[] {
  if (!isDifferent(given, old)) return [];
  const [grace, before] = [given.terminationGracePeriodSeconds, old.terminationGracePeriodSeconds];
  const isGraceCorrected = before !== undefined && before < 0 && grace === 1;
  const masked: AnyPodSpec = {
    ...given,
    containers: withImagesOf(given.containers, old.containers),
    initContainers: withImagesOf(given.initContainers, old.initContainers),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    schedulingGates: old.schedulingGates,
    tolerations: old.tolerations,
    ...(isGraceCorrected && { terminationGracePeriodSeconds: before }),
  };
  const { spec, errors } = gatedChanges(masked, old);
  if (!isDifferent(spec, old)) return errors;
  const [left, right] = [old, spec].map((value) => normalize("V1PodSpec", value) as PodSpec);
  const text = `pod updates may not change fields other than ${UPDATABLE}\n${unifiedDiff(left, right)}`;
  return [...errors, forbiddenField("spec", text)];
}

/** An update of the pod itself: nearly everything in the spec is fixed. */
export function validatePodUpdate(
  object: KubernetesObject,
  oldObject: KubernetesObject,
  context: KindContext,
): readonly FieldError[] {
  const [pod, old] = [object as Unchecked<Pod>, oldObject as Unchecked<Pod>];
  const [spec, before] = [pod.spec ?? {}, old.spec ?? {}];
  const rules = rulesFor(context, before);
  const errors: FieldError[] = [
    ...validatePodItself(pod, old, rules),
    ...validatePodAnnotationsUpdate(annotationsOf(pod), annotationsOf(old), "metadata.annotations"),
  ];
  for (const group of ["containers", "initContainers"] as const) {
    const own = imageErrors(spec[group] ?? [], before[group] ?? [], `spec.${group}`);
    if (own === "stop")
      return [...errors, forbiddenField(`spec.${group}`, "pod updates may not add or remove containers")];
    errors.push(...own);
  }
  const deadline = deadlineErrors(spec, before);
  errors.push(...deadline);
  if (deadline.length > 0 && spec.activeDeadlineSeconds !== undefined) return errors;
  return [
    ...errors,
    ...tolerationErrors(spec, before, rules),
    ...gateErrors(spec, before),
    ...specErrors(spec, before),
  ];
}
