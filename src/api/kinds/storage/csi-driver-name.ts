import { invalidFor, required, tooLong, when } from "../../field-error.ts";
import { byteLength, dnsSubdomainProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";

const LONGEST = 63;

export function validateCsiDriverName(field: string, name: string | undefined): readonly FieldError[] {
  if (name === undefined || name === "") return [required(field)];
  return [
    ...when(byteLength(name) > LONGEST, tooLong(field, LONGEST)),
    ...invalidFor(field, name, dnsSubdomainProblems(name.toLowerCase())),
  ];
}
