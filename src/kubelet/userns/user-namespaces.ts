import { decideUserNamespace, type HandlerFeatures } from "../../core/userns/host-users.ts";
import type { IdPool, IdRange } from "../../core/userns/id-pool.ts";
import { describePool } from "../../core/userns/pool-level.ts";
import { formatMappingFile } from "../../core/userns/mapping-file.ts";
import type { Pod } from "../../api/types.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Log } from "../../ports/log.ts";
import type { MappingStore } from "../../ports/mapping-store.ts";
import type { Random } from "../../ports/random.ts";
import type { PodIdMapping } from "../pod-volumes.ts";
import { type LiveRange, takeOverMappings, type UnusableFile } from "./take-over-mappings.ts";

export interface UserNamespacesDeps {
  readonly pool: IdPool;
  readonly store: MappingStore;
  readonly random: Random;
  readonly log: Log;
  /** Handlers as the runtime reports them now; empty for a runtime that reports none. */
  readonly handlers: (signal: AbortSignal) => Promise<readonly HandlerFeatures[]>;
  /** Asked when a pod's file does not tell. */
  readonly liveRange: LiveRange;
}

/** The user namespaces of this node's pods (KEP-127). */
export interface UserNamespaces {
  /**
   * Takes over the mappings found on disk; to be called once, before any pod is worked on. A file that can not be used
   * keeps its IDs reserved and stops only its own pod.
   */
  restore(signal: AbortSignal): Promise<void>;
  /**
   * The IDs of a pod, undefined for the host's user namespace. A new mapping is on disk before it is returned. Throws
   * OrlopError with the text for the pod's event when it can not be given: the pod must not run unprotected.
   */
  mappingFor(pod: Pod, handler: string, signal: AbortSignal): Promise<PodIdMapping | undefined>;
  /** To be called for a pod in a user namespace of its own that is seen to run: its file may be gone, its IDs are not free. */
  keepLive(podUid: string, signal: AbortSignal): Promise<void>;
  /** To be called when neither disk nor runtime has anything of the pod any more. */
  release(podUid: string, signal: AbortSignal): Promise<void>;
  /** Why nothing of the pod can be started again, with what to do; undefined when all is well. */
  problemOf(podUid: string): string | undefined;
  rangeOf(podUid: string): IdRange | undefined;
  counts(): { readonly used: number; readonly reserved: number; readonly free: number };
}

export function createUserNamespaces(
  deps: UserNamespacesDeps,
  options: { readonly gateEnabled: boolean },
): UserNamespaces {
  const { pool, store, random, log } = deps;
  /** Pods whose own file is unusable, with the reason. */
  const unusable = new Map<string, string>();
  /** Ranges given in memory whose file is not known to be on disk yet. */
  const unwritten = new Set<string>();
  /** Pods whose IDs nobody can name: as long as there is one, no new range is safe to give. */
  const undetermined = new Map<string, string>();

  /** Reserves what a pod's processes run with, whatever its file says. */
  async function determine(podUid: string, reason: string, signal: AbortSignal): Promise<void> {
    const live = await deps.liveRange(podUid, signal);
    if (live === "unknown") {
      undetermined.set(podUid, reason);
      return;
    }
    undetermined.delete(podUid);
    if (live === "none") return;
    pool.reserve(podUid, live);
    unusable.set(podUid, reason);
  }

  async function setAside({ podUid, reason, touched, isEmpty }: UnusableFile, signal: AbortSignal): Promise<void> {
    // Of a pod that never ran an empty file is as good as none; what runs holds IDs that nothing else tells of.
    if (isEmpty !== true) unusable.set(podUid, reason);
    for (const range of touched) pool.reserve(podUid, range);
    await determine(podUid, reason, signal);
    if (unusable.has(podUid) || undetermined.has(podUid)) complain(podUid, reason);
  }

  function complain(podUid: string, reason: string): void {
    log.error("User namespace mapping of a pod can not be used; its IDs stay reserved, delete the pod to free them", {
      podUid,
      reason,
    });
  }

  return {
    async restore(signal) {
      // Only now: what a damaged file claims must not keep others from what is theirs.
      for (const file of await takeOverMappings(deps, signal)) await setAside(file, signal);
    },

    async mappingFor(pod, handler, signal) {
      const podUid = pod.metadata?.uid ?? "";
      const hostUsers = pod.spec?.hostUsers;
      if (hostUsers !== false && options.gateEnabled) return undefined;
      const held = pool.rangeOf(podUid);
      if (held !== undefined && !unwritten.has(podUid)) return mappingOf(held);
      const decision = decideUserNamespace({
        hostUsers,
        gateEnabled: options.gateEnabled,
        handlers: hostUsers === undefined ? [] : await deps.handlers(signal),
        handler,
      });
      if (decision.mode === "refused") throw new OrlopError("Unsupported", decision.reason);
      if (decision.mode === "node") return undefined;

      for (const [other, reason] of undetermined) await determine(other, reason, signal);
      const broken = unusable.get(podUid);
      if (broken !== undefined) {
        throw new OrlopError("Conflict", `user namespace: ${describeUnusable(podUid, broken)}`);
      }
      const [blocking] = undetermined;
      if (blocking !== undefined) {
        throw new OrlopError(
          "Unavailable",
          `create user namespace: the IDs of pod ${blocking[0]} can not be determined (${blocking[1]}), so no range is safe to give; delete that pod first`,
        );
      }
      const outcome = pool.allocate(podUid, random.fraction());
      if (outcome.outcome === "exhausted")
        throw new OrlopError(
          "ResourceExhausted",
          `create user namespace: ${outcome.reason}: ${describePool(pool.counts())}`,
        );
      unwritten.add(podUid);
      try {
        await store.write(podUid, formatMappingFile(outcome.range), signal);
      } catch (cause) {
        // Whether the file got there can not be told: the range stays with this pod, and the next attempt writes again.
        throw new OrlopError("Unavailable", `create user namespace: ${messageOf(cause)}`, { cause });
      }
      unwritten.delete(podUid);
      return mappingOf(outcome.range);
    },

    async keepLive(podUid, signal) {
      if (pool.rangeOf(podUid) !== undefined || unusable.has(podUid)) return;
      const live = await deps.liveRange(podUid, signal);
      if (typeof live === "string") return;
      pool.reserve(podUid, live);
      unusable.set(podUid, "the mapping file is gone");
      complain(podUid, "the mapping file is gone");
    },

    async release(podUid, signal) {
      await store.remove(podUid, signal);
      pool.release(podUid);
      unwritten.delete(podUid);
      unusable.delete(podUid);
      undetermined.delete(podUid);
    },

    problemOf(podUid) {
      const broken = unusable.get(podUid);
      return broken === undefined ? undefined : describeUnusable(podUid, broken);
    },
    rangeOf: (podUid) => pool.rangeOf(podUid),
    counts: () => pool.counts(),
  };
}

function describeUnusable(podUid: string, reason: string): string {
  return `${reason}; the file pods/${podUid}/userns below the kubelet's root directory can not be used: delete the pod and create it again`;
}

function mappingOf({ firstId, length }: IdRange): PodIdMapping {
  const lines = [{ hostId: firstId, containerId: 0, length }];
  return { uidMappings: lines, gidMappings: lines };
}
