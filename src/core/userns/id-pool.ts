import type { Result } from "../../lib/result.ts";
import { failed, ok } from "../../lib/result.ts";

/** IDs a user namespace holds at least, and the unit all sizes are multiples of (KEP-127). */
export const ID_BLOCK = 65536;

/** One past the largest ID the kernel accepts in a mapping: 2^32 - 1 itself is "no ID" and a range may not reach it. */
const ID_LIMIT = 2 ** 32 - 1;

/** A contiguous range of host IDs given to the kubelet. */
export interface IdRange {
  readonly firstId: number;
  readonly length: number;
}

export interface PoolGeometry extends IdRange {
  /** IDs of each pod. */
  readonly idsPerPod: number;
  /** How many pods the pool has room for. */
  readonly blocks: number;
}

/**
 * The pool when nothing was delegated to a user called "kubelet": everything above the first block, without the last one,
 * which no kernel maps (user-namespaces.md 2.4).
 */
export function defaultPool(idsPerPod: number): IdRange {
  const end = 2 ** 32 - idsPerPod;
  return { firstId: idsPerPod, length: Math.max(0, end - idsPerPod) };
}

/** Checks `userNamespaces.idsPerPod` of the kubelet configuration. */
export function checkIdsPerPod(idsPerPod: number): Result<number> {
  if (!(idsPerPod >= ID_BLOCK)) return failed(`userNamespaces.idsPerPod must not be less than ${ID_BLOCK}`);
  if (idsPerPod % ID_BLOCK !== 0) return failed(`userNamespaces.idsPerPod must be a multiple of ${ID_BLOCK}`);
  if (idsPerPod > 2 ** 32 - 1) return failed(`userNamespaces.idsPerPod must not be more than ${2 ** 32 - 1}`);
  return ok(idsPerPod);
}

/** Checks a pool as upstream does at start, in upstream's order, plus the end the kernel can not map. */
export function checkPool(range: IdRange, idsPerPod: number, maxPods: number): Result<PoolGeometry> {
  const { firstId, length } = range;
  if (idsPerPod % ID_BLOCK !== 0) {
    return failed(`kubelet user namespace length ${idsPerPod} is not a multiple of ${ID_BLOCK}`);
  }
  if (firstId % idsPerPod !== 0) {
    return failed(`kubelet user assigned ID ${firstId} is not a multiple of ${idsPerPod}`);
  }
  if (firstId < idsPerPod) {
    return failed(`kubelet user assigned ID ${firstId} must be greater or equal to ${idsPerPod}`);
  }
  if (length % idsPerPod !== 0) {
    return failed(`kubelet user assigned IDs length ${length} is not a multiple of ${idsPerPod}`);
  }
  if (firstId + length > ID_LIMIT) {
    return failed(
      `kubelet user assigned IDs ${firstId}+${length} must end below ${ID_LIMIT}, the kernel maps no ID beyond`,
    );
  }
  const blocks = length / idsPerPod;
  if (blocks < maxPods) return failed(`kubelet user assigned IDs are not enough to support ${maxPods} pods`);
  return ok({ firstId, length, idsPerPod, blocks });
}

export type AllocateOutcome =
  | { readonly outcome: "allocated"; readonly range: IdRange }
  /** The pod had one already; the same is given again. */
  | { readonly outcome: "kept"; readonly range: IdRange }
  | { readonly outcome: "exhausted"; readonly reason: string };

/**
 * Who holds which block of the pool.
 *
 * Guarantees: two pods never hold overlapping ranges; a pod's range never changes while it holds one; a reserved block is
 * never handed out; IDs outside the pool are never handed out.
 * Assumes: one kubelet owns the pool.
 */
export interface IdPool {
  readonly geometry: PoolGeometry;
  /**
   * Random first fit: a uniformly random block, else the next free one after it, wrapping around. Expected O(1).
   *
   * @param fraction uniform in [0, 1)
   */
  allocate(podUid: string, fraction: number): AllocateOutcome;
  /** Takes over a range that was given before a restart. Fails with upstream's words and changes nothing. */
  record(podUid: string, range: IdRange): Result<IdRange>;
  /** Keeps every block that `range` touches out of circulation until the pod is released: what it holds is not certain. */
  reserve(podUid: string, range: IdRange): void;
  /** Frees what the pod holds and what was reserved for it. Of an unknown pod: nothing happens. */
  release(podUid: string): void;
  rangeOf(podUid: string): IdRange | undefined;
  holders(): readonly string[];
  counts(): { readonly used: number; readonly reserved: number; readonly free: number };
}

export function createIdPool(geometry: PoolGeometry): IdPool {
  const { firstId, idsPerPod, blocks } = geometry;
  /** How many claims there are on each block; a damaged file may claim what another pod holds. */
  const claims = new Uint16Array(blocks);
  const held = new Map<string, number>();
  const reserved = new Map<string, readonly number[]>();
  let free = blocks;

  const rangeAt = (block: number): IdRange => ({ firstId: firstId + block * idsPerPod, length: idsPerPod });
  const claim = (block: number): void => {
    if (claims[block] === 0) free -= 1;
    claims[block] = (claims[block] ?? 0) + 1;
  };
  const unclaim = (block: number): void => {
    claims[block] = (claims[block] ?? 1) - 1;
    if (claims[block] === 0) free += 1;
  };

  return {
    geometry,
    allocate(podUid, fraction) {
      const own = held.get(podUid);
      if (own !== undefined) return { outcome: "kept", range: rangeAt(own) };
      if (free === 0) {
        return { outcome: "exhausted", reason: "could not find an empty slot to allocate a user namespace" };
      }
      const start = Math.min(blocks - 1, Math.floor(fraction * blocks));
      let block = claims.indexOf(0, start);
      if (block === -1) block = claims.indexOf(0);
      claim(block);
      held.set(podUid, block);
      return { outcome: "allocated", range: rangeAt(block) };
    },
    record(podUid, range) {
      if (range.length !== idsPerPod) return failed(`wrong user namespace length ${range.length}`);
      if (range.firstId % idsPerPod !== 0) return failed(`wrong user namespace offset specified ${range.firstId}`);
      const own = held.get(podUid);
      if (own !== undefined && rangeAt(own).firstId !== range.firstId) {
        return failed(`different user namespace range already used by pod "${podUid}"`);
      }
      const block = (range.firstId - firstId) / idsPerPod;
      if (block < 0 || block >= blocks) return failed(`id ${range.firstId} is out of range`);
      if (own !== undefined) return ok(rangeAt(own));
      if (claims[block] !== 0) return failed(`range picked for pod "${podUid}" already taken`);
      claim(block);
      held.set(podUid, block);
      return ok(rangeAt(block));
    },
    reserve(podUid, range) {
      const first = Math.max(0, Math.floor((range.firstId - firstId) / idsPerPod));
      const end = Math.min(blocks, Math.ceil((range.firstId + range.length - firstId) / idsPerPod));
      const touched = Array.from({ length: Math.max(0, end - first) }, (_, offset) => first + offset);
      for (const block of touched) claim(block);
      reserved.set(podUid, [...(reserved.get(podUid) ?? []), ...touched]);
    },
    release(podUid) {
      const block = held.get(podUid);
      if (block !== undefined) unclaim(block);
      held.delete(podUid);
      for (const other of reserved.get(podUid) ?? []) unclaim(other);
      reserved.delete(podUid);
    },
    rangeOf(podUid) {
      const block = held.get(podUid);
      return block === undefined ? undefined : rangeAt(block);
    },
    holders: () => [...held.keys()],
    counts: () => ({ used: held.size, reserved: blocks - free - held.size, free }),
  };
}
