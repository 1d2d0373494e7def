import { parseQuantity, wholeUnits } from "../../lib/quantity.ts";

/** A limit on what must stay available: an amount, or a share of the capacity. */
export type Threshold = { readonly amount: number } | { readonly share: number };

export type EvictionThresholds = ReadonlyMap<string, Threshold>;

/** The thresholds that a map such as evictionHard sets. One of 0 or 0% is none. */
export function evictionThresholds(texts: Readonly<Record<string, string>>): EvictionThresholds {
  const thresholds = new Map<string, Threshold>();
  for (const [signal, text] of Object.entries(texts)) {
    const threshold = parseThreshold(text);
    if (threshold !== undefined) thresholds.set(signal, threshold);
  }
  return thresholds;
}

function parseThreshold(text: string): Threshold | undefined {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  if (percent !== undefined) return Number(percent) > 0 ? { share: Number(percent) / 100 } : undefined;
  const parsed = parseQuantity(text);
  const amount = parsed.ok ? Number(wholeUnits(parsed.value)) : 0;
  return amount > 0 ? { amount } : undefined;
}

export function thresholdBytes(threshold: Threshold, capacity: number): number {
  return "amount" in threshold ? threshold.amount : capacity * threshold.share;
}
