import { milliUnits, parseQuantity } from "../../lib/quantity.ts";

type Amounts = Readonly<Record<string, string | undefined>>;

/** Warnings about parts of bytes, which can not be had. */
export function fractionalByteWarnings(
  amounts: Amounts | undefined,
  names: readonly string[],
  field: string,
): readonly string[] {
  return names.flatMap((name) => {
    const amount = amounts?.[name];
    const parsed = amount === undefined ? undefined : parseQuantity(amount);
    if (parsed?.ok !== true || milliUnits(parsed.value) % 1000n === 0n) return [];
    return [`${field}[${name}]: fractional byte value "${amount ?? ""}" is invalid, must be an integer`];
  });
}
