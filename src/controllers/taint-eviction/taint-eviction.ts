import type { Node, Pod } from "../../api/types.ts";
import { podConditionPatch } from "../../core/controllers/pod-condition.ts";
import { decideEviction } from "../../core/controllers/taint-eviction.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { keyOf, NODES, parseKey, PODS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";

/** Deletes pods from nodes with NoExecute taints that they do not tolerate, or not for longer. */
export function createTaintEvictionController(deps: ControllerDeps): Unit {
  const { client, clock, informers } = deps;
  const events = deps.events.for("taint-eviction-controller");
  const nodes = informers.of(NODES);
  const pods = informers.of(PODS);
  const podsOn = pods.index((pod) => [pod.spec?.nodeName ?? ""].filter((name) => name !== ""));
  /** Pods that will have to leave, and since when that is known. */
  const leaving = new Map<string, number>();

  const tell = (pod: Pod, message: string): void => {
    const { namespace = "", name = "", uid } = pod.metadata ?? {};
    const involvedObject = { apiVersion: "v1", kind: "Pod", namespace, name, ...(uid !== undefined && { uid }) };
    events.record({ involvedObject, type: "Normal", reason: "TaintManagerEviction", message });
  };

  const stay = (key: string, pod: Pod | undefined): void => {
    if (leaving.delete(key) && pod !== undefined) tell(pod, `Cancelling deletion of Pod ${key}`);
  };

  const evict = async (key: string, pod: Pod, signal: AbortSignal): Promise<void> => {
    const { uid } = pod.metadata ?? {};
    const address = { namespace: "", ...parseKey(key) };
    const wanted = {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
    } as const;
    const value = podConditionPatch(pod, wanted, clock.now());
    tell(pod, `Marking for deletion Pod ${key}`);
    try {
      if (value !== undefined) {
        await client.patch(PODS, address, { type: "strategic", value }, signal, { subresource: "status" });
      }
      await client.delete(PODS, address, signal, { ...(uid !== undefined && { preconditions: { uid } }) });
    } catch (reason) {
      if (!hasReason(reason, "NotFound", "Conflict")) throw reason;
    }
    leaving.delete(key);
  };

  const loop = createReconcileLoop(deps, {
    name: "taint-eviction-controller",
    async reconcile(key, signal) {
      const pod = pods.reader.get(key);
      const node = pod === undefined ? undefined : nodes.reader.get(pod.spec?.nodeName ?? "");
      if (pod === undefined || node === undefined || pod.metadata?.deletionTimestamp !== undefined) {
        leaving.delete(key);
        return "await-change";
      }
      const since = leaving.get(key) ?? clock.now();
      const decision = decideEviction(node, pod, since);
      if (decision.evict === "never") {
        stay(key, pod);
        return "await-change";
      }
      const wait = decision.evict === "now" ? 0 : decision.time - clock.now();
      if (wait <= 0) {
        await evict(key, pod, signal);
        return "await-change";
      }
      leaving.set(key, since);
      return { requeueAfterMs: wait };
    },
  });
  nodes.onChange((change) => {
    if (change.type === "updated" && evictingTaints(change.old) === evictingTaints(change.object)) return;
    for (const pod of podsOn(change.key)) loop.enqueue(keyOf(pod));
  });
  pods.onChange(({ key, object }) => {
    const node = nodes.reader.get(object.spec?.nodeName ?? "");
    if (leaving.has(key) || (node !== undefined && evictingTaints(node) !== "[]")) loop.enqueue(key);
  });
  return loop;
}

function evictingTaints(node: Node): string {
  return JSON.stringify((node.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute"));
}
