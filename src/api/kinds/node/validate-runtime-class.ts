import { IMMUTABLE, duplicate, invalidValue, requiredName, when } from "../../field-error.ts";
import { dnsLabelProblems } from "../../names.ts";
import { validateLabels } from "../../object-meta.ts";
import { deepEqual } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, RuntimeClass, Unchecked } from "../../types.ts";
import { without } from "../fill.ts";
import { validateOverhead } from "../pods/validate-resources.ts";
import { validateTolerations } from "../pods/validate-scheduling.ts";

type Texts = Readonly<Record<string, string>>;

export function validateRuntimeClass(object: KubernetesObject): readonly FieldError[] {
  const { handler, overhead, scheduling } = object as Unchecked<RuntimeClass>;
  const tolerations = scheduling?.tolerations ?? [];
  const keys = tolerations.map((toleration) => without(toleration, "tolerationSeconds"));
  const field = "scheduling.tolerations";
  return [
    ...requiredName("handler", handler, dnsLabelProblems),
    ...(overhead === undefined ? [] : validateOverhead((overhead.podFixed ?? {}) as Texts, "overhead")),
    ...validateLabels(scheduling?.nodeSelector as Texts | undefined, "scheduling.nodeSelector"),
    ...validateTolerations(tolerations, field, { areNumericTolerationsAllowed: false }),
    ...tolerations.flatMap((toleration, i) =>
      when(
        keys.slice(0, i).some((key) => deepEqual(key, keys[i])),
        duplicate(`${field}[${i}]`, toleration),
      ),
    ),
  ];
}

export function validateRuntimeClassUpdate(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  const isChanged = object["handler"] !== old["handler"];
  return [...validateRuntimeClass(object), ...when(isChanged, invalidValue("handler", object["handler"], IMMUTABLE))];
}
