/** A sum over things with names, of which only those that have changed are counted again. */
export interface CountsByName {
  changed(name: string): void;
  /** It is gone, and counts for nothing. */
  forget(name: string): void;
  /** Costs what has changed since the last call. @param countOf one of them, as it is now */
  total(countOf: (name: string) => number): number;
}

export function createCountsByName(): CountsByName {
  const counts = new Map<string, number>();
  const recount = new Set<string>();
  let total = 0;
  const set = (name: string, count: number): void => {
    total += count - (counts.get(name) ?? 0);
    if (count === 0) counts.delete(name);
    else counts.set(name, count);
    recount.delete(name);
  };
  return {
    changed: (name) => void recount.add(name),
    forget: (name) => set(name, 0),
    total(countOf) {
      for (const name of recount) set(name, countOf(name));
      return total;
    },
  };
}
