import { NOT_NEGATIVE, forbiddenField, invalidValue, notSupported, when } from "../../field-error.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, Lease } from "../../types.ts";

const STRATEGY = "OldestEmulationVersion";

export function validateLease(object: KubernetesObject): readonly FieldError[] {
  const {
    leaseDurationSeconds: seconds,
    leaseTransitions = 0,
    strategy = "",
    preferredHolder = "",
  } = (object as Lease).spec ?? {};
  const isOther = strategy !== "" && strategy !== STRATEGY && !strategy.includes("/");
  return [
    ...when(
      seconds !== undefined && seconds <= 0,
      invalidValue("spec.leaseDurationSeconds", seconds, "must be greater than 0"),
    ),
    ...when(leaseTransitions < 0, invalidValue("spec.leaseTransitions", leaseTransitions, NOT_NEGATIVE)),
    ...when(isOther, notSupported("spec.strategy", strategy, [STRATEGY])),
    ...when(
      preferredHolder !== "" && strategy === "",
      forbiddenField("spec.preferredHolder", "may only be specified if `strategy` is defined"),
    ),
  ];
}
