import {
  checkIdsPerPod,
  checkPool,
  createIdPool,
  defaultPool,
  ID_BLOCK,
  type IdRange,
  type PoolGeometry,
} from "../core/userns/id-pool.ts";
import { describePool, isPoolLow, type PoolCounts } from "../core/userns/pool-level.ts";
import { delegatedRange, type SubIdFacts } from "../core/userns/sub-ids.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import type { Result } from "../lib/result.ts";
import type { Unit } from "../machinery/unit.ts";
import type { RuntimeHandler } from "../ports/container-runtime.ts";
import type { Log } from "../ports/log.ts";
import type { MappingStore } from "../ports/mapping-store.ts";
import type { Random } from "../ports/random.ts";
import type { PodUserNamespaces } from "./pods/sandbox-plan.ts";
import { createMappingProofs } from "./userns/mapping-proofs.ts";
import { createUserNamespaces, type UserNamespaces } from "./userns/user-namespaces.ts";

export interface NodeUserNamespacesDeps {
  readonly store: MappingStore;
  readonly random: Random;
  readonly log: Log;
  readonly subIds: (signal: AbortSignal) => Promise<SubIdFacts>;
  /** As the runtime reported them last. */
  readonly handlers: () => readonly RuntimeHandler[];
  /** Told once each time that few ranges are left. */
  readonly onPoolLow: (message: string) => void;
  /** Text of a file below /proc; rejects when it is not there. */
  readonly readText: (path: string) => Promise<string>;
  readonly liveRange: (podUid: string, signal: AbortSignal) => Promise<IdRange | "none" | "unknown">;
}

export interface NodeUserNamespacesOptions {
  readonly gateEnabled: boolean;
  /** @default 65536 */
  readonly idsPerPod: number | undefined;
  readonly maxPods: number;
}

export interface NodeUserNamespaces {
  readonly namespaces: PodUserNamespaces;
  readonly restore: Unit;
  /** Ranges by state; undefined before the pool is known. */
  counts(): PoolCounts | undefined;
}

const FAILED = "create user namespace manager";
const CHANGE_DELEGATION = '; change what /etc/subuid and /etc/subgid give to the user "kubelet", or remove that user';

/** First and last host ID of a pod, for people: shown by `kubectl describe pod`, read by nobody. */
export const RANGE_ANNOTATION = "orlop.dev/user-namespace-range";

/** The user namespaces of this node's pods, once the pool of IDs is known and what is on disk has been taken over. */
export function createNodeUserNamespaces(
  deps: NodeUserNamespacesDeps,
  options: NodeUserNamespacesOptions,
): NodeUserNamespaces {
  let restored: UserNamespaces | undefined;
  const ready = (): UserNamespaces => {
    if (restored === undefined) throw new OrlopError("Unavailable", "user namespaces are not restored yet");
    return restored;
  };
  let isLow = false;
  const watchPool = (): void => {
    const counts = ready().counts();
    const before = isLow;
    isLow = isPoolLow(counts, isLow);
    if (isLow && !before) deps.onPoolLow(describePool(counts));
  };
  const proofs = createMappingProofs({ rangeOf: (podUid) => restored?.rangeOf(podUid), readText: deps.readText });
  const configuredPool = async (signal: AbortSignal): Promise<PoolGeometry> => {
    const idsPerPod = required(checkIdsPerPod(options.idsPerPod ?? ID_BLOCK));
    const facts = await deps.subIds(signal);
    const delegated = required(delegatedRange(facts), (reason) => `${FAILED}: kubelet mappings: ${reason}`);
    const geometry = required(
      checkPool(delegated ?? defaultPool(idsPerPod), idsPerPod, options.maxPods),
      (reason) => `${FAILED}: ${reason}${delegated === undefined ? "" : CHANGE_DELEGATION}`,
    );
    const { firstId, length, blocks } = geometry;
    const source = facts.found === "nothing" ? `nothing is delegated (${facts.because})` : "delegated to kubelet";
    deps.log.info("IDs for pods in user namespaces", { firstId, length, ranges: blocks, source });
    return geometry;
  };
  const restore = async (signal: AbortSignal): Promise<void> => {
    // With the feature off nothing is given, so no delegation can be wrong; what pods still hold is only kept for them.
    const geometry = options.gateEnabled
      ? await configuredPool(signal)
      : required(checkPool(defaultPool(ID_BLOCK), ID_BLOCK, 0));
    const namespaces = createUserNamespaces(
      { ...deps, pool: createIdPool(geometry), handlers: async () => deps.handlers() },
      { gateEnabled: options.gateEnabled },
    );
    await namespaces.restore(signal);
    restored = namespaces;
  };
  return {
    namespaces: {
      mappingFor: async (pod, handler, signal) => {
        const mapping = await ready().mappingFor(pod, handler, signal);
        watchPool();
        return mapping;
      },
      release: async (podUid, signal) => {
        await ready().release(podUid, signal);
        proofs.forget(podUid);
        watchPool();
      },
      prove: async (podUid, targets, signal) => {
        if (targets.length > 0) await ready().keepLive(podUid, signal);
        await proofs.prove(podUid, targets, signal);
      },
      problemOf: (podUid) => restored?.problemOf(podUid),
      annotationsOf: (podUid) => {
        const range = restored?.rangeOf(podUid);
        return range === undefined ? {} : { [RANGE_ANNOTATION]: showRange(range) };
      },
    },
    counts: () => restored?.counts(),
    restore: {
      name: "user namespaces",
      run: async (signal, done) => {
        await restore(signal);
        done();
      },
    },
  };
}

function required<T>(result: Result<T>, say: (reason: string) => string = (reason) => reason): T {
  if (result.ok) return result.value;
  throw new OrlopError("Invalid", say(result.reason));
}

function showRange({ firstId, length }: IdRange): string {
  return `${firstId}-${firstId + length - 1}`;
}
