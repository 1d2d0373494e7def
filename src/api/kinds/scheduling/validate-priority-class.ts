import { IMMUTABLE, forbiddenField, invalidValue, requiredOneOf, when } from "../../field-error.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, PriorityClass, Unchecked } from "../../types.ts";

/** Larger values belong to the system. */
const HIGHEST_OF_USERS = 1_000_000_000;
const SYSTEM_PREFIX = "system-";

/** The classes every cluster has. */
export const SYSTEM_PRIORITIES: Readonly<Record<string, number>> = {
  "system-node-critical": 2_000_001_000,
  "system-cluster-critical": 2_000_000_000,
};

function systemProblem(name: string, value: number, isDefault: boolean): string | undefined {
  const known = SYSTEM_PRIORITIES[name];
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return isDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export function validatePriorityClass(object: KubernetesObject): readonly FieldError[] {
  const { metadata, value = 0, globalDefault = false, preemptionPolicy } = object as Unchecked<PriorityClass>;
  const name = metadata?.name ?? "";
  const isSystem = name.startsWith(SYSTEM_PREFIX);
  const problem = isSystem ? systemProblem(name, value, globalDefault) : undefined;
  const reserved = `priority class names with '${SYSTEM_PREFIX}' prefix are reserved for system use only. error: ${problem ?? ""}`;
  const tooHigh = `maximum allowed value of a user defined priority is ${HIGHEST_OF_USERS}`;
  return [
    ...when(problem !== undefined, forbiddenField("metadata.name", reserved)),
    ...when(!isSystem && value > HIGHEST_OF_USERS, forbiddenField("value", tooHigh)),
    ...(preemptionPolicy === undefined
      ? []
      : requiredOneOf("preemptionPolicy", preemptionPolicy, ["PreemptLowerPriority", "Never"])),
  ];
}

export function validatePriorityClassUpdate(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  const policy = object["preemptionPolicy"];
  return [
    ...when(
      (object["value"] ?? 0) !== (old["value"] ?? 0),
      forbiddenField("value", "may not be changed in an update."),
    ),
    ...when(policy !== old["preemptionPolicy"], invalidValue("preemptionPolicy", policy, IMMUTABLE)),
  ];
}
