import type { FeatureGates } from "../../feature-gates.ts";
import { forbiddenField, when } from "../../field-error.ts";
import type { FieldError } from "../../status-error.ts";

interface HasClass {
  readonly volumeAttributesClassName?: string | undefined;
}

/** While the gate is off, the attributes class that a volume or a claim has already stays as it is. */
export function attributesClassGateErrors(spec: HasClass, old: HasClass, gates: FeatureGates): readonly FieldError[] {
  const isChanged = spec.volumeAttributesClassName !== old.volumeAttributesClassName;
  return when(
    isChanged && !gates.enabled("VolumeAttributesClass"),
    forbiddenField(
      "spec.volumeAttributesClassName",
      "update is forbidden when the VolumeAttributesClass feature gate is disabled",
    ),
  );
}
