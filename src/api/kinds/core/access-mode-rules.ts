import { forbiddenField, notSupported, when } from "../../field-error.ts";
import type { FieldError } from "../../status-error.ts";

const ACCESS_MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

export const VOLUME_MODES = ["Block", "Filesystem"];

export function validateAccessModes(field: string, modes: readonly string[]): readonly FieldError[] {
  const isExclusive = modes.includes("ReadWriteOncePod");
  const hasOther = modes.some((mode) => mode !== "ReadWriteOncePod" && ACCESS_MODES.includes(mode));
  return [
    ...modes.flatMap((mode) => when(!ACCESS_MODES.includes(mode), notSupported(field, mode, ACCESS_MODES))),
    ...when(isExclusive && hasOther, forbiddenField(field, "may not use ReadWriteOncePod with other access modes")),
  ];
}
