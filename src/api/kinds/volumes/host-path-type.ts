import { notSupported, when } from "../../field-error.ts";
import type { FieldError } from "../../status-error.ts";

const HOST_PATH_TYPES = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

export function hostPathTypeErrors(type = "", field: string): readonly FieldError[] {
  return when(!HOST_PATH_TYPES.includes(type), notSupported(field, type, HOST_PATH_TYPES));
}
