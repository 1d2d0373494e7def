import { parseQuantity, wholeUnits } from "../../../lib/quantity.ts";
import { invalidValue } from "../../field-error.ts";
import type { FieldError } from "../../status-error.ts";

/** Amounts of storage are not negative; the error shows the amount in whole units. */
export function negativeAmountErrors(amount: string, field: string): readonly FieldError[] {
  const parsed = parseQuantity(amount);
  if (!parsed.ok || parsed.value.nanos >= 0n) return [];
  return [invalidValue(field, Number(wholeUnits(parsed.value)), "must be a valid resource quantity")];
}
