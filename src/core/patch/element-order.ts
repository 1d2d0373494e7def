import { isJsonObject } from "./json-value.ts";

/**
 * Orders a merged list: entries named in `wanted` stand in that order, the others keep their places relative to the
 * entries around them in `before` as far as that is possible.
 *
 * @param mergeKey "" for lists of plain values
 */
export function orderLike(
  merged: readonly unknown[],
  wanted: readonly unknown[],
  before: readonly unknown[],
  mergeKey: string,
): readonly unknown[] {
  const keyOf = (entry: unknown): unknown => (mergeKey !== "" && isJsonObject(entry) ? entry[mergeKey] : entry);
  const placeIn = (list: readonly unknown[]): ((entry: unknown) => number) => {
    const places = new Map<unknown, number>();
    for (const [index, entry] of list.entries()) {
      const key = keyOf(entry);
      if (!places.has(key)) places.set(key, index);
    }
    return (entry) => places.get(keyOf(entry)) ?? -1;
  };
  const wantedPlace = placeIn(wanted);
  const oldPlace = placeIn(before);
  const named = stableSort(
    merged.filter((entry) => wantedPlace(entry) >= 0),
    wantedPlace,
  );
  const others = stableSort(
    merged.filter((entry) => wantedPlace(entry) < 0),
    oldPlace,
  );
  const result: unknown[] = [];
  let next = 0;
  for (const other of others) {
    for (; next < named.length; next++) {
      const place = oldPlace(named[next]);
      if (oldPlace(other) >= 0 && place >= 0 && oldPlace(other) < place) break;
      result.push(named[next]);
    }
    result.push(other);
  }
  return [...result, ...named.slice(next)];
}

function stableSort(entries: readonly unknown[], place: (entry: unknown) => number): readonly unknown[] {
  return entries
    .map((entry, index) => ({ entry, index, at: place(entry) }))
    .sort((left, right) => left.at - right.at || left.index - right.index)
    .map(({ entry }) => entry);
}
