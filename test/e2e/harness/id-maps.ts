import { readdir, readFile } from "node:fs/promises";

/** A user namespace's IDs on the host, as the kernel tells. */
export interface LiveRange {
  readonly podUid: string;
  readonly pid: number;
  readonly firstId: number;
  readonly length: number;
}

/** The ID ranges of every process on this host that belongs to one of the pods, found through its control group. */
export async function liveRanges(podUids: readonly string[]): Promise<readonly LiveRange[]> {
  const wanted = new Set(podUids);
  const found: LiveRange[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    // A process may end while it is looked at.
    const read = (file: string): Promise<string> => readFile(`/proc/${entry}/${file}`, "utf8").catch(() => "");
    const podUid = /pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})/
      .exec(await read("cgroup"))?.[1]
      ?.replaceAll("_", "-");
    if (podUid === undefined || !wanted.has(podUid)) continue;
    for (const line of (await read("uid_map")).trim().split("\n")) {
      const [, firstId, length] = line.trim().split(/\s+/).map(Number);
      if (firstId !== undefined && length !== undefined) found.push({ podUid, pid: Number(entry), firstId, length });
    }
  }
  return found;
}

/** Pairs of pods with an ID in common, and pods with more than one range: both must be empty. */
export function sharedIds(ranges: readonly LiveRange[]): readonly string[] {
  const ofPods = new Map<string, LiveRange>();
  const problems: string[] = [];
  for (const range of ranges) {
    const known = ofPods.get(range.podUid);
    if (known === undefined) ofPods.set(range.podUid, range);
    else if (known.firstId !== range.firstId || known.length !== range.length) {
      problems.push(`pod ${range.podUid} runs with both ${known.firstId} and ${range.firstId}`);
    }
  }
  const sorted = [...ofPods.values()].sort((left, right) => left.firstId - right.firstId);
  for (const [index, range] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next !== undefined && range.firstId + range.length > next.firstId) {
      problems.push(`pods ${range.podUid} and ${next.podUid} share ID ${next.firstId}`);
    }
  }
  return problems;
}
