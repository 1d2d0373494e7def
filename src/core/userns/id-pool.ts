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
  /**
   * Takes over a range that was given before a restart. A pod that was given another number of IDs, before the
   * configuration changed, keeps what it has. Fails with upstream's words and changes nothing.
   */
  record(podUid: string, range: IdRange): Result<IdRange>;
  /** Keeps every block that `range` touches out of circulation until the pod is released: what it holds is not certain. */
  reserve(podUid: string, range: IdRange): void;
  /** Frees what the pod holds and what was reserved for it. Of an unknown pod: nothing happens. */
  release(podUid: string): void;
  rangeOf(podUid: string): IdRange | undefined;
  holders(): readonly string[];
  counts(): { readonly used: number; readonly reserved: number; readonly free: number };
}

/** Ranges of 65,536 IDs there can be at all: what a range taken over may start and end with. */
const UNITS = 65_536;

export function createIdPool(geometry: PoolGeometry): IdPool {
  const { firstId, length: poolLength, idsPerPod, blocks } = geometry;
  /** How many claims there are on each block; a damaged file may claim what another pod holds. */
  const claims = new Uint32Array(blocks);
  /** The same in the smallest unit: pods of another size may share a block without sharing an ID. */
  const unitClaims = new Uint32Array(UNITS);
  const held = new Map<string, IdRange>();
  const reserved = new Map<string, readonly IdRange[]>();
  let free = blocks;
  /** Blocks with claims of pods that hold what they were given: the others that are not free are reserved. */
  let used = 0;
  const usedBlocks = new Uint32Array(blocks);

  const rangeAt = (block: number): IdRange => ({ firstId: firstId + block * idsPerPod, length: idsPerPod });
  const blocksOf = (range: IdRange): readonly [from: number, to: number] => [
    Math.max(0, Math.floor((range.firstId - firstId) / idsPerPod)),
    Math.min(blocks, Math.ceil((range.firstId + range.length - firstId) / idsPerPod)),
  ];
  const unitsOf = ({ firstId: first, length }: IdRange): readonly [from: number, to: number] => [
    Math.floor(first / ID_BLOCK),
    Math.min(UNITS, Math.ceil((first + length) / ID_BLOCK)),
  ];
  const claim = (range: IdRange, change: 1 | -1): void => {
    const [from, to] = blocksOf(range);
    for (let block = from; block < to; block++) {
      const before = claims[block] ?? 0;
      claims[block] = before + change;
      if (before === 0) free -= 1;
      else if (before + change === 0) free += 1;
    }
    const [first, end] = unitsOf(range);
    for (let unit = first; unit < end; unit++) unitClaims[unit] = (unitClaims[unit] ?? 0) + change;
  };
  const hold = (range: IdRange, change: 1 | -1): void => {
    claim(range, change);
    const [from, to] = blocksOf(range);
    for (let block = from; block < to; block++) {
      const before = usedBlocks[block] ?? 0;
      usedBlocks[block] = before + change;
      if (before === 0) used += 1;
      else if (before + change === 0) used -= 1;
    }
  };
  const isTaken = (range: IdRange): boolean => {
    const [first, end] = unitsOf(range);
    return unitClaims.subarray(first, end).some((count) => count > 0);
  };

  return {
    geometry,
    allocate(podUid, fraction) {
      const own = held.get(podUid);
      if (own !== undefined) return { outcome: "kept", range: own };
      if (free === 0) {
        return { outcome: "exhausted", reason: "could not find an empty slot to allocate a user namespace" };
      }
      const start = Math.min(blocks - 1, Math.floor(fraction * blocks));
      let block = claims.indexOf(0, start);
      if (block === -1) block = claims.indexOf(0);
      const range = rangeAt(block);
      hold(range, 1);
      held.set(podUid, range);
      return { outcome: "allocated", range };
    },
    record(podUid, range) {
      if (range.length < ID_BLOCK || range.length % ID_BLOCK !== 0) {
        return failed(`wrong user namespace length ${range.length}`);
      }
      const unit = range.length === idsPerPod ? idsPerPod : ID_BLOCK;
      if (range.firstId % unit !== 0) return failed(`wrong user namespace offset specified ${range.firstId}`);
      const own = held.get(podUid);
      if (own !== undefined && (own.firstId !== range.firstId || own.length !== range.length)) {
        return failed(`different user namespace range already used by pod "${podUid}"`);
      }
      if (range.firstId < firstId || range.firstId + range.length > firstId + poolLength) {
        return failed(`id ${range.firstId} is out of range`);
      }
      if (own !== undefined) return ok(own);
      if (isTaken(range)) return failed(`range picked for pod "${podUid}" already taken`);
      hold(range, 1);
      held.set(podUid, range);
      return ok(range);
    },
    reserve(podUid, range) {
      claim(range, 1);
      reserved.set(podUid, [...(reserved.get(podUid) ?? []), range]);
    },
    release(podUid) {
      const own = held.get(podUid);
      if (own !== undefined) hold(own, -1);
      held.delete(podUid);
      for (const range of reserved.get(podUid) ?? []) claim(range, -1);
      reserved.delete(podUid);
    },
    rangeOf: (podUid) => held.get(podUid),
    holders: () => [...held.keys()],
    counts: () => ({ used, reserved: blocks - free - used, free }),
  };
}
