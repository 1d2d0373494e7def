import { messageOf } from "../../lib/orlop-error.ts";
import { podIsTerminal } from "../../api/pod.ts";
import type { Node, Pod } from "../../api/types.ts";
import { podConditionPatch, type WantedCondition } from "../../core/controllers/pod-condition.ts";
import { decidePlacement } from "../../core/scheduling/decide-placement.ts";
import { type Preemption, priorityOf } from "../../core/scheduling/preemption.ts";
import { volumeRulesOf } from "../../core/scheduling/volume-rules.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { referenceTo } from "../../machinery/event-recorder.ts";
import type { Change } from "../../machinery/object-store.ts";
import { keyOf, NODES, PODS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { createNodeViews } from "./node-views.ts";
import { createPendingPods } from "./pending-pods.ts";
import { createSchedulerStorage, type PromisedVolumes } from "./storage.ts";
import { createVolumeBinder } from "./volume-binder.ts";
import { createWakeUp } from "./wake-up.ts";

export interface SchedulerOptions {
  /** Pods that ask for this scheduler. @default "default-scheduler" */
  readonly schedulerName?: string;
  /** Bindings and status updates under way at the same time. @default 16 */
  readonly concurrency?: number;
  /** How long a pod may wait for its volumes before another node is tried. @default 600000 */
  readonly volumeBindTimeoutMs?: number;
}

const LONGEST_EVENT_MESSAGE = 1_024;

/**
 * Gives pods without a node one that fits them, the most important pods first; makes room by deleting pods of lower
 * priority when nothing else helps. What does not fit is told by condition and event, and tried again when something
 * changed.
 */
export function createSchedulerController(deps: ControllerDeps, options: SchedulerOptions = {}): Unit {
  const { client, clock } = deps;
  const { schedulerName = "default-scheduler", concurrency = 16, volumeBindTimeoutMs } = options;
  const log = deps.log.with({ controller: "scheduler" });
  const events = deps.events.for(schedulerName);
  const pods = deps.informers.of(PODS);
  const nodes = deps.informers.of(NODES);
  const podsByNode = pods.index((pod) => [pod.spec?.nodeName ?? ""].filter((name) => name !== ""));
  const nominatedByNode = pods.index((pod) =>
    isUnassigned(pod) ? [pod.status?.nominatedNodeName ?? ""].filter((name) => name !== "") : [],
  );
  const views = createNodeViews(nodes.reader, podsByNode, nominatedByNode);
  const storage = createSchedulerStorage(deps.informers);
  const volumeBinder = createVolumeBinder(
    { client, clock, storage, pods: pods.reader },
    volumeBindTimeoutMs === undefined ? {} : { timeoutMs: volumeBindTimeoutMs },
  );
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
    if (change.type === "deleted") volumeBinder.recheck();
    wakeUp.wake();
  });
  nodes.onChange((change) => {
    views.invalidate(change.object.metadata?.name ?? "");
    if (change.type === "updated" && schedulingView(change.old) === schedulingView(change.object)) return;
    pending.wake();
    wakeUp.wake();
  });

  const tryParked = (): void => {
    pending.wake();
    wakeUp.wake();
  };
  storage.onChange(tryParked);
  storage.onClaimOrVolume(() => {
    volumeBinder.recheck();
    tryParked();
  });

  /** What was decided for a pod did not work: it is decided again, later. */
  const tryAgain = (pod: Pod): void => {
    const key = keyOf(pod);
    views.forget(key);
    const current = pods.reader.get(key);
    if (current === undefined || current.metadata?.uid !== pod.metadata?.uid || !isMine(current)) return;
    pending.offer({ key, priority: priorityOf(pod), createdAt: Date.parse(pod.metadata?.creationTimestamp ?? "") });
    pending.failed(key, "retry");
    wakeUp.wake();
  };

  /** Not under way in the sense of the limit: provisioners may take minutes, and others must not wait for them. */
  const bindAfterVolumes = async (
    pod: Pod,
    node: Node,
    promised: PromisedVolumes,
    signal: AbortSignal,
  ): Promise<void> => {
    try {
      await volumeBinder.bind(pod, node, promised, signal);
    } catch (reason) {
      if (signal.aborted) return;
      tryAgain(pod);
      const message = `running PreBind plugin "VolumeBinding": ${messageOf(reason)}`;
      log.info("volumes are not bound", { pod: keyOf(pod), node: node.metadata?.name, error: messageOf(reason) });
      await tellWhy(pod, "SchedulerError", message, undefined, signal);
      return;
    }
    await bind(pod, node.metadata?.name ?? "", signal);
  };

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
      tryAgain(pod);
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
    reason: "Unschedulable" | "SchedulerError",
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
    const condition = { type: "PodScheduled", status: "False", reason, message } as const;
    const more = preemption === undefined ? {} : { nominatedNodeName: preemption.nodeName };
    await setCondition(pod, condition, more, signal).catch(ignoreMissing);
    if (preemption !== undefined) await preempt(pod, preemption, signal);
  };

  /** Never rejects: what could not be told is told with the next try. */
  const tellWhy = async (...args: Parameters<typeof tellUnschedulable>): Promise<void> => {
    const [pod, , , , signal] = args;
    await tellUnschedulable(...args).catch((reason: unknown) => {
      if (!signal.aborted) log.warn("could not tell why a pod waits", { pod: keyOf(pod), error: messageOf(reason) });
    });
  };

  const forVolumes = new Set<Promise<void>>();

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
    const nodesNow = views.forPod(pod);
    const placement = decidePlacement(pod, nodesNow, volumeRulesOf(pod, storage.view, nodesNow));
    if (placement.decision === "bind") {
      const { nodeName, volumes } = placement;
      pending.remove(key);
      views.assume(pod, nodeName);
      const node = nodes.reader.get(nodeName);
      if (node === undefined || volumes.bindings.length + volumes.provisions.length === 0) {
        return bind(pod, nodeName, signal);
      }
      const waiting = bindAfterVolumes(pod, node, storage.promise(volumes, nodeName), signal).finally(() =>
        forVolumes.delete(waiting),
      );
      forVolumes.add(waiting);
      return Promise.resolve();
    }
    pending.failed(key, "parked");
    log.debug("pod does not fit", { pod: key, why: placement.message });
    const preemption = placement.decision === "preempt" ? placement.preemption : undefined;
    return tellWhy(pod, "Unschedulable", placement.message, preemption, signal);
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
      await Promise.allSettled([...underWay, ...forVolumes]);
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
