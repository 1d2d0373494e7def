import { messageOf } from "../../lib/orlop-error.ts";
import { podIsTerminal } from "../../api/pod.ts";
import type { Pod } from "../../api/types.ts";
import { podConditionPatch, type WantedCondition } from "../../core/controllers/pod-condition.ts";
import { readyStatus } from "../../core/controllers/node-taints.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { keyOf, NODES, PODS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";

export interface PodGarbageCollectionOptions {
  /** Ended pods kept; the oldest beyond are deleted, 0 keeps all. @default 12_500 */
  readonly terminatedPodThreshold?: number;
  /** @default 20_000 */
  readonly periodMs?: number;
  /** Time a node must be missing before its pods are deleted. @default 40_000 */
  readonly quarantineMs?: number;
}

const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

/**
 * Deletes pods that nobody else will: of nodes that no longer exist, being deleted without a node or on a node that was
 * declared out of service, and ended ones when there are too many.
 */
export function createPodGarbageCollectionController(
  deps: ControllerDeps,
  options: PodGarbageCollectionOptions = {},
): Unit {
  const { client, clock, informers } = deps;
  const { terminatedPodThreshold = 12_500, periodMs = 20_000, quarantineMs = 40_000 } = options;
  const log = deps.log.with({ controller: "pod-garbage-collector-controller" });
  const pods = informers.of(PODS);
  const nodes = informers.of(NODES);
  const missingSince = new Map<string, number>();

  const remove = async (pod: Pod, condition: WantedCondition | undefined, signal: AbortSignal): Promise<void> => {
    const { namespace = "", name = "", uid } = pod.metadata ?? {};
    try {
      if (!podIsTerminal(pod)) {
        const patch = condition === undefined ? undefined : podConditionPatch(pod, condition, clock.now());
        const value = { metadata: { uid }, ...patch, status: { ...patch?.status, phase: "Failed" } };
        await client.patch(PODS, { namespace, name }, { type: "strategic", value }, signal, { subresource: "status" });
      }
      const preconditions = uid === undefined ? {} : { preconditions: { uid } };
      await client.delete(PODS, { namespace, name }, signal, { gracePeriodSeconds: 0, ...preconditions });
      log.info("deleted a pod by force", { pod: keyOf(pod) });
    } catch (reason) {
      if (signal.aborted || hasReason(reason, "NotFound", "Conflict")) return;
      log.warn("could not delete a pod", { pod: keyOf(pod), error: messageOf(reason) });
    }
  };

  /** Nodes that pods name and that are gone for sure: missing for long, and the server says so too. */
  const goneNodes = async (all: readonly Pod[], signal: AbortSignal): Promise<ReadonlySet<string>> => {
    const named = new Set(all.map((pod) => pod.spec?.nodeName ?? "").filter((name) => name !== ""));
    const missing = [...named].filter((name) => nodes.reader.get(name) === undefined);
    for (const name of missingSince.keys()) if (!missing.includes(name)) missingSince.delete(name);
    const gone = new Set<string>();
    for (const name of missing) {
      const since = missingSince.get(name) ?? clock.monotonic();
      missingSince.set(name, since);
      if (clock.monotonic() - since < quarantineMs) continue;
      const isGone = await client.get(NODES, { name }, signal).then(
        () => false,
        (reason: unknown) => hasReason(reason, "NotFound"),
      );
      if (isGone) gone.add(name);
    }
    return gone;
  };

  const collect = async (signal: AbortSignal): Promise<void> => {
    const all = pods.reader.list();
    const gone = await goneNodes(all, signal);
    for (const pod of all) {
      const nodeName = pod.spec?.nodeName ?? "";
      const deleting = pod.metadata?.deletionTimestamp !== undefined;
      if (gone.has(nodeName)) {
        const why = { reason: "DeletionByPodGC", message: "PodGC: node no longer exists" };
        await remove(pod, { type: "DisruptionTarget", status: "True", ...why }, signal);
      } else if (deleting && (nodeName === "" || isOutOfService(nodeName))) await remove(pod, undefined, signal);
    }
    const ended = all.filter(podIsTerminal).sort(firstToGo);
    const surplus = terminatedPodThreshold > 0 ? ended.length - terminatedPodThreshold : 0;
    for (const pod of ended.slice(0, Math.max(0, surplus))) await remove(pod, undefined, signal);
  };

  const isOutOfService = (nodeName: string): boolean => {
    const node = nodes.reader.get(nodeName);
    return (
      node !== undefined &&
      readyStatus(node) !== "True" &&
      (node.spec?.taints ?? []).some(({ key }) => key === OUT_OF_SERVICE)
    );
  };

  return {
    name: "pod-garbage-collector-controller",
    async run(signal, ready) {
      ready();
      while (!signal.aborted) {
        await collect(signal).catch((reason: unknown) => {
          if (!signal.aborted) log.warn("could not look for pods to delete", { error: messageOf(reason) });
        });
        await clock.sleep(periodMs, signal).catch(() => undefined);
      }
    },
  };
}

/** Evicted pods first, then the oldest. */
function firstToGo(a: Pod, b: Pod): number {
  const evicted = (pod: Pod): number => (pod.status?.phase === "Failed" && pod.status.reason === "Evicted" ? 0 : 1);
  const created = (pod: Pod): string => pod.metadata?.creationTimestamp ?? "";
  return (
    evicted(a) - evicted(b) ||
    created(a).localeCompare(created(b)) ||
    (a.metadata?.name ?? "").localeCompare(b.metadata?.name ?? "")
  );
}
