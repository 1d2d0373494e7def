import { failed, ok } from "./result.ts";
import type { Result } from "./result.ts";

/** How a quantity writes itself: 128974848, 129e6, 129M ("decimal") or 123Mi ("binary"). */
export type QuantityFormat = "decimal" | "binary" | "exponent";

/** An exact amount of a resource. The smallest step is one billionth; finer amounts are rounded away from zero. */
export interface Quantity {
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

export const QUANTITY_FORMAT_PROBLEM =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX_PROBLEM = "unable to parse quantity's suffix";
const NUMBER_PROBLEM = "unable to parse numeric part of quantity";

/** Longer texts are refused: no amount needs them, and reading them costs more than linear time. */
const LONGEST_TEXT = 256;
const LARGEST_EXPONENT = 1000;
const LARGEST_BINARY = 2n ** 63n - 1n;
const NANO = 1_000_000_000n;

const DECIMAL_EXPONENTS: ReadonlyMap<string, number> = new Map([
  ["n", -9],
  ["u", -6],
  ["m", -3],
  ["", 0],
  ["k", 3],
  ["M", 6],
  ["G", 9],
  ["T", 12],
  ["P", 15],
  ["E", 18],
]);
const DECIMAL_SUFFIXES: ReadonlyMap<number, string> = new Map(
  [...DECIMAL_EXPONENTS].map(([suffix, exponent]) => [exponent, suffix]),
);
const BINARY_SUFFIXES = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;

export const ZERO_QUANTITY: Quantity = { nanos: 0n, format: "decimal" };

interface Scale {
  readonly base: 2 | 10;
  readonly exponent: number;
  readonly format: QuantityFormat;
}

function scaleOf(suffix: string): Scale | undefined {
  const decimal = DECIMAL_EXPONENTS.get(suffix);
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: "decimal" };
  const binary = BINARY_SUFFIXES.indexOf(suffix as (typeof BINARY_SUFFIXES)[number]);
  if (binary > 0) return { base: 2, exponent: binary * 10, format: "binary" };
  const exponent = /^[eE]([+-]?\d+)$/u.exec(suffix)?.[1];
  if (exponent === undefined || Math.abs(Number(exponent)) > LARGEST_EXPONENT) return undefined;
  return { base: 10, exponent: Number(exponent), format: "exponent" };
}

/** Division away from zero. */
function divideUp(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  const rest = value % by;
  if (rest === 0n) return quotient;
  return rest > 0n ? quotient + 1n : quotient - 1n;
}

/** Reads "100m", "1.5Gi", "12e6" and the like; a failure carries the text users know. */
export function parseQuantity(text: string): Result<Quantity> {
  if (text.length > LONGEST_TEXT) return failed(QUANTITY_FORMAT_PROBLEM);
  const match = /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/u.exec(text);
  const [, sign = "", whole = "", fraction = "", suffix = ""] = match ?? [];
  if (match === null || text === "" || !/^[+-]?[0-9.]/u.test(text)) return failed(QUANTITY_FORMAT_PROBLEM);
  if (whole === "" && fraction === "") return failed(NUMBER_PROBLEM);
  const scale = scaleOf(suffix);
  if (scale === undefined) return failed(SUFFIX_PROBLEM);

  let numerator = BigInt(`${whole}${fraction}`) * NANO;
  let denominator = 10n ** BigInt(fraction.length);
  if (scale.base === 2) numerator *= 1n << BigInt(scale.exponent);
  else if (scale.exponent >= 0) numerator *= 10n ** BigInt(scale.exponent);
  else denominator *= 10n ** BigInt(-scale.exponent);

  let nanos = divideUp(numerator, denominator);
  let format = scale.format;
  if (format === "binary") {
    if (nanos > LARGEST_BINARY * NANO) nanos = LARGEST_BINARY * NANO;
    if (nanos > 0n && nanos < NANO) format = "decimal";
  }
  return ok({ nanos: sign === "-" ? -nanos : nanos, format });
}

/** Like parseQuantity, for texts known to be right. Throws RangeError otherwise. */
export function quantityOf(text: string): Quantity {
  const parsed = parseQuantity(text);
  if (!parsed.ok) throw new RangeError(`can not read quantity ${JSON.stringify(text)}: ${parsed.reason}`);
  return parsed.value;
}

export function quantityFromInteger(value: bigint | number, format: QuantityFormat = "decimal"): Quantity {
  return { nanos: BigInt(value) * NANO, format };
}

export function quantityFromMilli(value: bigint | number, format: QuantityFormat = "decimal"): Quantity {
  return { nanos: (BigInt(value) * NANO) / 1000n, format };
}

function factorsOut(value: bigint, factor: bigint, limit: number): readonly [bigint, number] {
  let rest = value;
  let times = 0;
  while (times < limit && rest !== 0n && rest % factor === 0n) {
    rest /= factor;
    times += 1;
  }
  return [rest, times];
}

/** The canonical text: no precision lost, no fraction, the largest suffix possible. */
export function formatQuantity(quantity: Quantity): string {
  const { nanos } = quantity;
  if (nanos === 0n) return "0";
  const large = nanos >= 1024n * NANO || nanos <= -1024n * NANO;
  if (quantity.format === "binary" && large && nanos % NANO === 0n) {
    const [mantissa, times] = factorsOut(nanos / NANO, 1024n, BINARY_SUFFIXES.length - 1);
    return `${mantissa}${BINARY_SUFFIXES[times] ?? ""}`;
  }
  const limit = quantity.format === "exponent" ? Number.POSITIVE_INFINITY : 9;
  const [mantissa, thousands] = factorsOut(nanos, 1000n, limit);
  const exponent = thousands * 3 - 9;
  if (quantity.format === "exponent") return exponent === 0 ? String(mantissa) : `${mantissa}e${exponent}`;
  return `${mantissa}${DECIMAL_SUFFIXES.get(exponent) ?? ""}`;
}

/** The canonical form of a text; a text that is no quantity comes back unchanged. */
export function canonicalQuantity(text: string): string {
  const parsed = parseQuantity(text);
  return parsed.ok ? formatQuantity(parsed.value) : text;
}

/** A zero takes the format of what is added to it. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos - b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  if (a.nanos === b.nanos) return 0;
  return a.nanos < b.nanos ? -1 : 1;
}

export function maximumQuantity(a: Quantity, b: Quantity): Quantity {
  return a.nanos >= b.nanos ? a : b;
}

/** Whole units, rounded away from zero: 1.5 gives 2. */
export function wholeUnits(quantity: Quantity): bigint {
  return divideUp(quantity.nanos, NANO);
}

/** Thousandths, rounded away from zero: 1.5 gives 1500. */
export function milliUnits(quantity: Quantity): bigint {
  return divideUp(quantity.nanos, NANO / 1000n);
}

/** Whether the amount is a whole number. */
export function isWhole(quantity: Quantity): boolean {
  return quantity.nanos % NANO === 0n;
}
