import { invalidValue } from "../../field-error.ts";
import type { FieldError } from "../../status-error.ts";

/** No `..` as a path element. */
export function validateNoBacksteps(field: string, path: string): readonly FieldError[] {
  return path.split("/").includes("..") ? [invalidValue(field, path, "must not contain '..'")] : [];
}

/** A relative path that does not lead upwards. */
export function validateDescendingPath(field: string, path: string): readonly FieldError[] {
  const absolute = path.startsWith("/") ? [invalidValue(field, path, "must be a relative path")] : [];
  return [...absolute, ...validateNoBacksteps(field, path)];
}

/** A relative path that does not start like the names the kubelet keeps for itself. */
export function validateVolumeFilePath(field: string, path: string): readonly FieldError[] {
  const isReserved = path.startsWith("..") && !path.startsWith("../");
  return [
    ...validateDescendingPath(field, path),
    ...(isReserved ? [invalidValue(field, path, "must not start with '..'")] : []),
  ];
}

/** 0777 */
const LARGEST_MODE = 511;

export function validateFileMode(field: string, mode: number | undefined): readonly FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= LARGEST_MODE)) return [];
  return [invalidValue(field, mode, "must be a number between 0 and 0777 (octal), both inclusive")];
}
