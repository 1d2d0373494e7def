/** The oldest versions whose pods can have user namespaces (KEP-127). */
export const MINIMUM_VERSIONS = { containerd: "2.0", "cri-o": "1.30", runc: "1.2" } as const;

/** The first thing in a text that looks like a version, without distribution suffixes; "0" when there is none. */
export function versionIn(text: string): string {
  return /\bv?(\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1] ?? "0";
}

/** Compares dotted numbers; a missing part counts as 0. */
export function meetsMinimum(version: string, minimum: string): boolean {
  const [have, need] = [version, minimum].map((text) => text.split(".").map((part) => Number.parseInt(part, 10)));
  for (let at = 0; at < Math.max(have?.length ?? 0, need?.length ?? 0); at += 1) {
    const difference = (have?.[at] ?? 0) - (need?.[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
