import { failed, ok, type Result } from "../../lib/result.ts";
import { fieldsOf } from "./fields.ts";

/** Something that is accepted, why, and until when. */
export interface ListedException {
  readonly name: string;
  readonly reason: string;
  /** RFC 3339 date or time. */
  readonly expires?: string;
}

/** Reads `{exceptions: [{[nameField], reason, expires}]}`. A reason is asked for, so that somebody can judge it later. */
export function readExceptionList(value: unknown, nameField: "subject" | "role"): Result<readonly ListedException[]> {
  const { exceptions } = fieldsOf(value);
  if (!Array.isArray(exceptions)) return failed('has no list "exceptions"');
  const read: ListedException[] = [];
  for (const [index, item] of exceptions.entries()) {
    const { [nameField]: name, reason, expires } = fieldsOf(item);
    if (typeof name !== "string" || name === "") return failed(`exceptions[${index}].${nameField} is missing`);
    if (typeof reason !== "string" || reason === "") return failed(`exceptions[${index}].reason is missing: say why`);
    if (expires !== undefined && (typeof expires !== "string" || Number.isNaN(Date.parse(expires)))) {
      return failed(`exceptions[${index}].expires is not a date such as 2027-01-31`);
    }
    read.push({ name, reason, ...(typeof expires === "string" && { expires }) });
  }
  return ok(read);
}
