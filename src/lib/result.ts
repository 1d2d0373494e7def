/** An array known to hold at least one element. */
export type NonEmpty<T> = readonly [T, ...T[]];

/** An expected outcome: either a value, or a reason why there is none. */
export type Result<T, R = string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: R };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function failed<R>(reason: R): { readonly ok: false; readonly reason: R } {
  return { ok: false, reason };
}
