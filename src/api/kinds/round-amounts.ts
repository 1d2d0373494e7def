import { formatQuantity, milliUnits, parseQuantity, quantityFromMilli } from "../../lib/quantity.ts";

type Amounts = Readonly<Record<string, string>>;

/** Amounts of resources, those finer than a thousandth rounded up, as every ResourceList is stored. */
export function roundToMilli(amounts: Amounts): Amounts {
  return Object.fromEntries(
    Object.entries(amounts).map(([name, text]) => {
      const parsed = parseQuantity(text);
      if (!parsed.ok || parsed.value.nanos % 1_000_000n === 0n) return [name, text];
      return [name, formatQuantity(quantityFromMilli(milliUnits(parsed.value), parsed.value.format))];
    }),
  );
}
