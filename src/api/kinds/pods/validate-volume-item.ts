import { required, when } from "../../field-error.ts";
import type { FieldError } from "../../status-error.ts";
import type { KeyToPath, Unchecked } from "../../types.ts";
import { validateFileMode, validateVolumeFilePath } from "./validate-paths.ts";

/** One key of a ConfigMap or Secret and the file it becomes. */
export function validateItem(field: string, item: Unchecked<KeyToPath>): readonly FieldError[] {
  const { key = "", path = "", mode } = item;
  return [
    ...when(key === "", required(`${field}.key`)),
    ...when(path === "", required(`${field}.path`)),
    ...validateVolumeFilePath(`${field}.path`, path),
    ...validateFileMode(`${field}.mode`, mode),
  ];
}
