import { failed, ok, type Result } from "../../lib/result.ts";

/** The highest version of a driver this kubelet can talk to: any 1.x. */
export function highestSupportedVersion(versions: readonly string[]): Result<string> {
  let best: readonly [string, readonly number[]] | undefined;
  for (const text of versions) {
    const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+].*)?$/.exec(text.trim());
    if (match === null || match[1] !== "1") continue;
    const parts = match.slice(1, 4).map((part: string | undefined) => Number(part ?? 0));
    if (best === undefined || isGreater(parts, best[1])) best = [text, parts];
  }
  if (best !== undefined) return ok(best[0]);
  return failed(`none of the versions [${versions.join(" ")}] is supported, version 1 is needed`);
}

function isGreater(left: readonly number[], right: readonly number[]): boolean {
  for (const [index, part] of left.entries()) {
    const other = right[index] ?? 0;
    if (part !== other) return part > other;
  }
  return false;
}
