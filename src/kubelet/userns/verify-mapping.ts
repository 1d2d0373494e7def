import type { IdRange } from "../../core/userns/id-pool.ts";

export type MappingProof =
  | { readonly proof: "matches" }
  /** The process is gone, or what was read is no map: nothing follows from that. */
  | { readonly proof: "unknown" }
  | {
      readonly proof: "differs";
      readonly reason: string;
      /** Whose IDs it runs with: the host's, unprotected, or those of some other range. */
      readonly runsWith: "the host's" | "others";
    };

/**
 * Whether a process runs with the IDs its pod was given.
 *
 * @param seen text of /proc/PID/uid_map and gid_map; undefined when the process is gone
 */
export function verifyMapping(
  expected: IdRange,
  seen: { readonly uid: string | undefined; readonly gid: string | undefined },
): MappingProof {
  const uid = linesOf(seen.uid);
  const gid = linesOf(seen.gid);
  if (uid === undefined || gid === undefined) return { proof: "unknown" };
  const wanted = `0 ${expected.firstId} ${expected.length}`;
  for (const [name, lines] of [
    ["user", uid],
    ["group", gid],
  ] as const) {
    if (lines.length === 1 && lines[0] === wanted) continue;
    const isHosts = lines.includes("0 0 4294967295");
    const what = isHosts ? "the host's own" : `"${lines.join(", ")}"`;
    const reason = `its ${name} IDs are ${what} instead of "${wanted}"`;
    return { proof: "differs", reason, runsWith: isHosts ? "the host's" : "others" };
  }
  return { proof: "matches" };
}

function linesOf(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const lines = text
    .split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "))
    .filter((line) => line !== "");
  return lines.length > 0 && lines.every((line) => /^\d+ \d+ \d+$/.test(line)) ? lines : undefined;
}
