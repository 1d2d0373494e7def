/**
 * Divides `limit` so that nobody gets more than it wants, and what the modest leave over goes to the others in equal parts.
 *
 * @param wanted whole numbers, not negative
 * @returns a whole number for each of them, in their order; together the limit, or all that is wanted when that is less
 */
export function fairShares(wanted: readonly number[], limit: number): readonly number[] {
  const shares = wanted.map(() => 0);
  const modestFirst = wanted.map((wants, position) => ({ wants, position })).toSorted((a, b) => a.wants - b.wants);
  let left = limit;
  modestFirst.forEach(({ wants, position }, served) => {
    const share = Math.min(wants, Math.floor(left / (wanted.length - served)));
    shares[position] = share;
    left -= share;
  });
  return shares;
}
