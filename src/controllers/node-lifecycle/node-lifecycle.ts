import { messageOf } from "../../lib/orlop-error.ts";
import { podCondition } from "../../api/pod.ts";
import type { Node, Pod, Taint } from "../../api/types.ts";
import {
  evictionPace,
  type NodeHealth,
  observeHealth,
  unknownConditions,
  unreachableAt,
  type ZoneCounts,
} from "../../core/controllers/node-health.ts";
import { readyStatus, withConditionTaints, withExecutionTaints } from "../../core/controllers/node-taints.ts";
import { podConditionPatch } from "../../core/controllers/pod-condition.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { referenceTo } from "../../machinery/event-recorder.ts";
import { type Action, createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { LEASES, NODES, PODS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";

export interface NodeLifecycleOptions {
  /** @default 50_000 */
  readonly graceMs?: number;
  /** @default 60_000 */
  readonly startupGraceMs?: number;
  /** How often a node is looked at without a change. @default 5_000 */
  readonly periodMs?: number;
}

const LEASE_NAMESPACE = "kube-node-lease";
const ZONE_LABELS = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"] as const;
const LABEL_COPIES = [
  ["kubernetes.io/os", "beta.kubernetes.io/os"],
  ["kubernetes.io/arch", "beta.kubernetes.io/arch"],
] as const;

/**
 * Judges nodes by their conditions and signs of life: taints those that should get no pods, marks those that fell silent
 * and their pods, and taints them so that pods leave, unless all nodes look dead.
 */
export function createNodeLifecycleController(deps: ControllerDeps, options: NodeLifecycleOptions = {}): Unit {
  const { client, clock, informers } = deps;
  const { periodMs = 5_000, graceMs = 50_000, startupGraceMs = 60_000 } = options;
  const log = deps.log.with({ controller: "node-lifecycle-controller" });
  const events = deps.events.for("node-controller");
  const nodes = informers.of(NODES);
  const leases = informers.of(LEASES);
  const podsOn = informers.of(PODS).index((pod) => [pod.spec?.nodeName ?? ""].filter((name) => name !== ""));
  const health = new Map<string, NodeHealth>();
  /** When a node of the zone was tainted last, for the pace. Zones are few. */
  const taintedAt = new Map<string, number>();

  const tell = (node: Pick<Node, "metadata">, reason: string, message: string): void => {
    events.record({ involvedObject: referenceTo(NODES, node), type: "Normal", reason, message });
  };

  const setTaints = (node: Node, taints: readonly Taint[], signal: AbortSignal): Promise<Node> => {
    const { name = "", resourceVersion } = node.metadata ?? {};
    const value = { metadata: { resourceVersion }, spec: { taints } };
    return client.patch(NODES, { name }, { type: "merge", value }, signal);
  };

  const copyLabels = async (node: Node, signal: AbortSignal): Promise<void> => {
    const { labels = {}, name = "" } = node.metadata ?? {};
    const missing = LABEL_COPIES.filter(([from, to]) => labels[from] !== undefined && labels[from] !== labels[to]);
    if (missing.length === 0) return;
    const value = { metadata: { labels: Object.fromEntries(missing.map(([from, to]) => [to, labels[from]])) } };
    await client.patch(NODES, { name }, { type: "merge", value }, signal);
  };

  /** Marks a node that fell silent. @returns the node as it is then */
  const judge = async (node: Node, seen: NodeHealth, signal: AbortSignal): Promise<Node> => {
    if (clock.now() <= unreachableAt(seen, { graceMs, startupGraceMs })) return node;
    const conditions = unknownConditions(node, clock.now());
    if (conditions === undefined) return node;
    const { name = "", uid } = node.metadata ?? {};
    log.warn("node gives no sign of life", { node: name });
    const value = { metadata: { uid }, status: { conditions } };
    return client.patch(NODES, { name }, { type: "strategic", value }, signal, { subresource: "status" });
  };

  const markPodsNotReady = async (pods: readonly Pod[], signal: AbortSignal): Promise<void> => {
    for (const pod of pods) {
      const ready = podCondition(pod, "Ready");
      if (ready === undefined || ready.status === "False") continue;
      const { namespace = "", name = "" } = pod.metadata ?? {};
      const { reason, message } = ready;
      const told = { ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) };
      const value = podConditionPatch(pod, { type: "Ready", status: "False", ...told }, clock.now());
      await client
        .patch(PODS, { namespace, name }, { type: "strategic", value }, signal, { subresource: "status" })
        .catch(ignoreMissing);
      const involvedObject = referenceTo(PODS, pod);
      events.record({ involvedObject, type: "Warning", reason: "NodeNotReady", message: "Node is not ready" });
    }
  };

  const mayEvict = (node: Node): boolean => {
    const all = nodes.reader.list();
    const zone = zoneOf(node);
    const pace = evictionPace(count(all.filter((other) => zoneOf(other) === zone)), count(all));
    if (pace === "stopped") return false;
    const last = taintedAt.get(zone);
    return last === undefined || clock.monotonic() - last >= 1_000 / pace.nodesPerSecond;
  };

  /** Taints that make pods leave: at the pace of the zone; taken back as soon as there is no more reason. */
  const taintForEviction = async (node: Node, signal: AbortSignal): Promise<void> => {
    const all = count(nodes.reader.list());
    const tainted = (node.spec?.taints ?? []).some(
      ({ effect, key }) => effect === "NoExecute" && key.startsWith("node.kubernetes.io/"),
    );
    const stopped = all.ready === 0;
    const evict = !stopped && (tainted || mayEvict(node));
    const taints = withExecutionTaints(node, evict, clock.now());
    if (taints === undefined) return;
    await setTaints(node, taints, signal);
    if (evict && !tainted && readyStatus(node) !== "True") taintedAt.set(zoneOf(node), clock.monotonic());
  };

  const reconcile = async (name: string, signal: AbortSignal): Promise<Action> => {
    let node = nodes.reader.get(name);
    if (node === undefined) {
      if (health.delete(name))
        tell({ metadata: { name } }, "RemovingNode", `Node ${name} event: Removing Node ${name} from Controller`);
      return "await-change";
    }
    const known = health.get(name);
    if (known === undefined) tell(node, "RegisteredNode", `Node ${name} event: Registered Node ${name} in Controller`);
    const seen = observeHealth(known, node, leases.reader.get(`${LEASE_NAMESPACE}/${name}`), clock.now());
    health.set(name, seen);

    const wasReady = readyStatus(node) === "True";
    node = await judge(node, seen, signal);
    const ready = readyStatus(node);
    if (wasReady && ready !== "True") {
      tell(node, "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
    }
    const taints = withConditionTaints(node, clock.now());
    if (taints !== undefined) node = await setTaints(node, taints, signal);
    await copyLabels(node, signal);
    if (ready !== undefined) await taintForEviction(node, signal);

    // A kubelet that still speaks judges its pods itself.
    if (ready === "Unknown") await markPodsNotReady(podsOn(name), signal);
    return { requeueAfterMs: periodMs };
  };

  const loop = createReconcileLoop(deps, {
    name: "node-lifecycle-controller",
    async reconcile(name, signal) {
      try {
        return await reconcile(name, signal);
      } catch (reason) {
        // Somebody changed the node meanwhile, which enqueued it again; the next look is at most a period away.
        if (!hasReason(reason, "Conflict", "NotFound")) throw reason;
        log.debug("node changed while it was judged", { node: name, error: messageOf(reason) });
        return { requeueAfterMs: 20 };
      }
    },
  });
  nodes.onChange((change) => {
    loop.enqueue(change.key);
    // Whether others may be evicted depends on how many are ready.
    if (change.type === "updated" && readyStatus(change.old) !== readyStatus(change.object)) {
      for (const { metadata } of nodes.reader.list()) loop.enqueue(metadata?.name ?? "");
    }
  });
  return loop;
}

function zoneOf(node: Node): string {
  return ZONE_LABELS.map((label) => node.metadata?.labels?.[label] ?? "").join("\0");
}

function count(nodes: readonly Node[]): ZoneCounts {
  const ready = nodes.filter((node) => readyStatus(node) === "True").length;
  return { ready, notReady: nodes.length - ready };
}

function ignoreMissing(reason: unknown): void {
  if (!hasReason(reason, "NotFound")) throw reason;
}
