import type { IdPool, IdRange } from "../../core/userns/id-pool.ts";
import { parseMappingFile } from "../../core/userns/mapping-file.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { MappingStore } from "../../ports/mapping-store.ts";

/** Host IDs a pod's processes run with right now. */
export type LiveRange = (podUid: string, signal: AbortSignal) => Promise<IdRange | "none" | "unknown">;

export interface TakeOverDeps {
  readonly pool: IdPool;
  readonly store: MappingStore;
  readonly liveRange: LiveRange;
}

/** A mapping file from which its pod does not get its IDs back. */
export interface UnusableFile {
  readonly podUid: string;
  readonly reason: string;
  /** Ranges that can be made out in it. */
  readonly touched: readonly IdRange[];
  /** Of a file that is whole: what it says. */
  readonly claimed?: IdRange;
  readonly isEmpty?: boolean;
}

const READS_AT_ONCE = 64;

/**
 * Gives the pods found on disk their IDs back. Of two pods whose files name the same the one that runs with them is
 * right, else the first. Throws OrlopError when it can not be told which pods there are.
 *
 * @returns the files that can not be used; nothing of what they claim is kept from others yet
 */
export async function takeOverMappings(deps: TakeOverDeps, signal: AbortSignal): Promise<readonly UnusableFile[]> {
  const pods = await deps.store.pods(signal).catch((cause: unknown) => {
    throw new OrlopError("Unavailable", `read pods from disk: ${messageOf(cause)}`, { cause });
  });
  const unusable: UnusableFile[] = [];
  // Read side by side, taken over in order.
  for (let at = 0; at < pods.length; at += READS_AT_ONCE) {
    const batch = pods.slice(at, at + READS_AT_ONCE).map((podUid) => {
      const reading = deps.store.read(podUid, signal);
      reading.catch(() => undefined);
      return { podUid, reading };
    });
    for (const { podUid, reading } of batch) {
      const problem = await takeOver(deps.pool, podUid, reading, signal);
      if (problem !== undefined) unusable.push(problem);
    }
  }
  const settled: UnusableFile[] = [];
  for (const file of unusable) settled.push(...(await settle(deps, file, signal)));
  return settled;
}

/** @returns what is wrong with the file, undefined when there is none or the pod has its IDs again */
async function takeOver(
  pool: IdPool,
  podUid: string,
  reading: Promise<string | undefined>,
  signal: AbortSignal,
): Promise<UnusableFile | undefined> {
  try {
    const text = await reading;
    if (text === undefined) return undefined;
    if (text === "") return { podUid, isEmpty: true, reason: "the mapping file is empty", touched: [] };
    const parsed = parseMappingFile(text);
    if (!parsed.usable) {
      const { reason, touched } = parsed;
      return { podUid, reason, touched: touched === "unknown" ? [] : touched };
    }
    const recorded = pool.record(podUid, parsed.range);
    if (recorded.ok) return undefined;
    return { podUid, reason: recorded.reason, touched: [parsed.range], claimed: parsed.range };
  } catch (failure) {
    signal.throwIfAborted();
    return { podUid, reason: messageOf(failure), touched: [] };
  }
}

/** @returns whose file can not be used after all */
async function settle(deps: TakeOverDeps, file: UnusableFile, signal: AbortSignal): Promise<readonly UnusableFile[]> {
  const { pool } = deps;
  const { podUid, claimed } = file;
  const runsWith = async (uid: string, range: IdRange): Promise<boolean> => {
    const live = await deps.liveRange(uid, signal);
    return typeof live === "object" && live.firstId === range.firstId && live.length === range.length;
  };
  if (claimed === undefined || !(await runsWith(podUid, claimed))) return [file];
  const rivals = pool.holders().flatMap((holder) => {
    const range = pool.rangeOf(holder);
    return range !== undefined && overlaps(range, claimed) ? [{ holder, range }] : [];
  });
  for (const { holder, range } of rivals) if (await runsWith(holder, range)) return [file];
  for (const { holder } of rivals) pool.release(holder);
  const reason = `its range is that of pod "${podUid}", whose processes run with it`;
  const losers = rivals.map(({ holder, range }) => ({ podUid: holder, reason, touched: [range] }));
  return pool.record(podUid, claimed).ok ? losers : [file, ...losers];
}

function overlaps(left: IdRange, right: IdRange): boolean {
  return left.firstId < right.firstId + right.length && right.firstId < left.firstId + left.length;
}
