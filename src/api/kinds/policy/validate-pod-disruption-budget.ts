import { NOT_NEGATIVE, invalidValue, optionalOneOf, when } from "../../field-error.ts";
import { validateCountOrPercent } from "../../int-or-string.ts";
import { hasInvalidLabelValue, validateLabelSelector } from "../../label-selector-rules.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, PodDisruptionBudget } from "../../types.ts";

function countErrors(value: number | string | undefined, field: string): readonly FieldError[] {
  if (value === undefined) return [];
  const isTooMuch = typeof value === "string" && /^\d+%$/u.test(value) && Number.parseInt(value, 10) > 100;
  return [
    ...validateCountOrPercent(value, field),
    ...when(isTooMuch, invalidValue(field, value, "must not be greater than 100%")),
  ];
}

export function validatePodDisruptionBudget(object: KubernetesObject, old?: KubernetesObject): readonly FieldError[] {
  const spec = (object as PodDisruptionBudget).spec ?? {};
  const { minAvailable, maxUnavailable } = spec;
  const both = minAvailable !== undefined && maxUnavailable !== undefined;
  const isLenient = hasInvalidLabelValue((old as PodDisruptionBudget | undefined)?.spec?.selector);
  return [
    ...when(both, invalidValue("spec", spec, "minAvailable and maxUnavailable cannot be both set")),
    ...countErrors(minAvailable, "spec.minAvailable"),
    ...countErrors(maxUnavailable, "spec.maxUnavailable"),
    ...validateLabelSelector(spec.selector, "spec.selector", isLenient),
    ...optionalOneOf("spec.unhealthyPodEvictionPolicy", spec.unhealthyPodEvictionPolicy, [
      "AlwaysAllow",
      "IfHealthyBudget",
    ]),
  ];
}

export function validatePodDisruptionBudgetStatus(object: KubernetesObject): readonly FieldError[] {
  const { status } = object as PodDisruptionBudget;
  return (["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const).flatMap((name) => {
    const value = status?.[name] ?? 0;
    return when(value < 0, invalidValue(`status.${name}`, value, NOT_NEGATIVE));
  });
}
