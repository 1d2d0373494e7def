import { messageOf } from "../../lib/orlop-error.ts";
import { podIsTerminal } from "../../api/pod.ts";
import type { Node, Pod } from "../../api/types.ts";
import { podConditionPatch, type WantedCondition } from "../../core/controllers/pod-condition.ts";
import { decidePlacement } from "../../core/scheduling/decide-placement.ts";
import { volumesOfPod } from "../../core/scheduling/pod-volumes.ts";
import { type Preemption, priorityOf } from "../../core/scheduling/preemption.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { referenceTo } from "../../machinery/event-recorder.ts";
import type { Change } from "../../machinery/object-store.ts";
import { keyOf, NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { createNodeViews } from "./node-views.ts";
import { createPendingPods } from "./pending-pods.ts";
import { createWakeUp } from "./wake-up.ts";

export interface SchedulerOptions {
  /** Pods that ask for this scheduler. @default "default-scheduler" */
  readonly schedulerName?: string;
  /** Bindings and status updates under way at the same time. @default 16 */
  readonly concurrency?: number;
}

const LONGEST_EVENT_MESSAGE = 1_024;

/**
 * Gives pods without a node one that fits them, the most important pods first; makes room by deleting pods of lower
 * priority when nothing else helps. What does not fit is told by condition and event, and tried again when something
 * changed.
 */
export function createSchedulerController(deps: ControllerDeps, options: SchedulerOptions = {}): Unit {
  const { client, clock } = deps;
  const { schedulerName = "default-scheduler", concurrency = 16 } = options;
  const log = deps.log.with({ controller: "scheduler" });
  const events = deps.events.for(schedulerName);
  const pods = deps.informers.of(PODS);
  const nodes = deps.informers.of(NODES);
  const podsByNode = pods.index((pod) => [pod.spec?.nodeName ?? ""].filter((name) => name !== ""));
  const nominatedByNode = pods.index((pod) =>
    isUnassigned(pod) ? [pod.status?.nominatedNodeName ?? ""].filter((name) => name !== "") : [],
  );
  const views = createNodeViews(nodes.reader, podsByNode, nominatedByNode);
  const claims = deps.informers.of(PERSISTENT_VOLUME_CLAIMS);
  const volumes = deps.informers.of(PERSISTENT_VOLUMES);
  const volumeLookup = { claim: claims.reader.get, volume: volumes.reader.get };
  const pending = createPendingPods(clock);
  const wakeUp = createWakeUp(clock);

  const isMine = (pod: Pod): boolean =>
    isUnassigned(pod) &&
    (pod.spec?.schedulerName ?? "default-scheduler") === schedulerName &&
    pod.metadata?.deletionTimestamp === undefined &&
    !podIsTerminal(pod);

  pods.onChange((change) => {
    const { key, object: pod } = change;
    const nodeName = pod.spec?.nodeName ?? "";
    if (nodeName !== "" || change.type === "deleted") views.forget(key);
    if (nodeName !== "") views.invalidate(nodeName);
    if (change.type === "deleted" || !isMine(pod)) pending.remove(key);
    else if (!views.isAssumed(key) && (change.type === "added" || askedForMore(change))) {
      pending.offer({ key, priority: priorityOf(pod), createdAt: Date.parse(pod.metadata?.creationTimestamp ?? "") });
    }
    if (nodeName !== "" && (change.type === "deleted" || podIsTerminal(pod))) pending.wake();
    wakeUp.wake();
  });
  nodes.onChange((change) => {
    views.invalidate(change.object.metadata?.name ?? "");
    if (change.type === "updated" && schedulingView(change.old) === schedulingView(change.object)) return;
    pending.wake();
    wakeUp.wake();
  });

  for (const informer of [claims, volumes] as const) {
    informer.onChange(() => {
      pending.wake();
      wakeUp.wake();
    });
  }

  const bind = async (pod: Pod, nodeName: string, signal: AbortSignal): Promise<void> => {
    const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
    const key = keyOf(pod);
    const binding = {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { namespace, name, uid },
      target: { apiVersion: "v1", kind: "Node", name: nodeName },
    };
    try {
      await client.post(PODS, { namespace, name }, "binding", binding, signal);
    } catch (reason) {
      views.forget(key);
      if (signal.aborted || hasReason(reason, "NotFound")) return;
      pending.offer({ key, priority: priorityOf(pod), createdAt: Date.parse(pod.metadata?.creationTimestamp ?? "") });
      pending.failed(key, "retry");
      wakeUp.wake();
      log.warn("binding failed, trying again", { pod: key, node: nodeName, error: messageOf(reason) });
      return;
    }
    events.record({
      involvedObject: referenceTo(PODS, pod),
      type: "Normal",
      reason: "Scheduled",
      message: `Successfully assigned ${namespace}/${name} to ${nodeName}`,
    });
  };

  const preempt = async (pod: Pod, { nodeName, victims }: Preemption, signal: AbortSignal): Promise<void> => {
    for (const victim of victims) {
      const { namespace = "", name = "", uid } = victim.metadata ?? {};
      await markDisrupted(victim, pod, signal).catch(ignoreMissing);
      await client
        .delete(PODS, { namespace, name }, signal, { ...(uid !== undefined && { preconditions: { uid } }) })
        .catch(ignoreMissing);
      events.record({
        involvedObject: referenceTo(PODS, victim),
        type: "Normal",
        reason: "Preempted",
        message: `Preempted by pod ${pod.metadata?.uid ?? ""} on node ${nodeName}`,
      });
    }
  };

  const markDisrupted = (victim: Pod, preemptor: Pod, signal: AbortSignal): Promise<unknown> =>
    setCondition(
      victim,
      {
        type: "DisruptionTarget",
        status: "True",
        reason: "PreemptionByScheduler",
        message: `${schedulerName}: preempting to accommodate a higher priority pod`,
      },
      {},
      signal,
    ).finally(() => log.info("preempting", { victim: keyOf(victim), for: keyOf(preemptor) }));

  const setCondition = async (
    pod: Pod,
    condition: WantedCondition,
    more: { readonly nominatedNodeName?: string },
    signal: AbortSignal,
  ): Promise<void> => {
    const { namespace = "", name = "", uid } = pod.metadata ?? {};
    const patch = podConditionPatch(pod, condition, clock.now());
    if (patch === undefined && more.nominatedNodeName === undefined) return;
    const value = { metadata: { uid }, ...patch, status: { ...patch?.status, ...more } };
    await client.patch(PODS, { namespace, name }, { type: "strategic", value }, signal, { subresource: "status" });
  };

  const tellUnschedulable = async (
    pod: Pod,
    message: string,
    preemption: Preemption | undefined,
    signal: AbortSignal,
  ) => {
    events.record({
      involvedObject: referenceTo(PODS, pod),
      type: "Warning",
      reason: "FailedScheduling",
      message: message.length > LONGEST_EVENT_MESSAGE ? `${message.slice(0, LONGEST_EVENT_MESSAGE - 4)} ...` : message,
    });
    const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message } as const;
    const more = preemption === undefined ? {} : { nominatedNodeName: preemption.nodeName };
    await setCondition(pod, condition, more, signal).catch(ignoreMissing);
    if (preemption !== undefined) await preempt(pod, preemption, signal);
  };

  /** Decides at once; @returns what is left to do over the network */
  const scheduleOne = (key: string, signal: AbortSignal): Promise<void> => {
    const pod = pods.reader.get(key);
    if (pod === undefined || !isMine(pod) || views.isAssumed(key)) {
      pending.remove(key);
      return Promise.resolve();
    }
    if ((pod.spec?.schedulingGates ?? []).length > 0) {
      // Taking a gate away is a change of the pod, which offers it again.
      pending.remove(key);
      return Promise.resolve();
    }
    const placement = decidePlacement(pod, views.forPod(pod), volumesOfPod(pod, volumeLookup));
    if (placement.decision === "bind") {
      pending.remove(key);
      views.assume(pod, placement.nodeName);
      return bind(pod, placement.nodeName, signal);
    }
    pending.failed(key, "parked");
    log.debug("pod does not fit", { pod: key, why: placement.message });
    return tellUnschedulable(
      pod,
      placement.message,
      placement.decision === "preempt" ? placement.preemption : undefined,
      signal,
    ).catch((reason: unknown) => {
      if (!signal.aborted) log.warn("could not tell why a pod waits", { pod: key, error: messageOf(reason) });
    });
  };

  return {
    name: "scheduler",
    async run(signal, ready) {
      ready();
      const underWay = new Set<Promise<void>>();
      while (!signal.aborted) {
        const key = pending.next();
        if (key === undefined) {
          await wakeUp.wait(pending.untilNext(), signal);
          continue;
        }
        const work = scheduleOne(key, signal).finally(() => underWay.delete(work));
        underWay.add(work);
        if (underWay.size >= concurrency) await Promise.race(underWay);
      }
      await Promise.allSettled(underWay);
    },
  };
}

function isUnassigned(pod: Pod): boolean {
  return (pod.spec?.nodeName ?? "") === "";
}

/** Whether what the pod wants was changed, not just its status. */
function askedForMore(change: Change<Pod>): boolean {
  if (change.type !== "updated") return false;
  const { old, object } = change;
  return (
    old.metadata?.uid !== object.metadata?.uid ||
    JSON.stringify(old.spec) !== JSON.stringify(object.spec) ||
    JSON.stringify(old.metadata?.labels) !== JSON.stringify(object.metadata?.labels)
  );
}

/** Of a node, all that scheduling looks at. */
function schedulingView(node: Node): string {
  return JSON.stringify([node.metadata?.labels, node.spec, node.status?.allocatable]);
}

function ignoreMissing(reason: unknown): void {
  if (!hasReason(reason, "NotFound", "Conflict")) throw reason;
}
