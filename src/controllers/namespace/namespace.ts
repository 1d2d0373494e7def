import { messageOf } from "../../lib/orlop-error.ts";
import { podIsTerminal } from "../../api/pod.ts";
import { secondsText } from "../../api/rfc3339.ts";
import type { Namespace, Pod } from "../../api/types.ts";
import { type NamespaceContent, namespaceConditions } from "../../core/controllers/namespace-conditions.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { createDiscoveryCache } from "../../machinery/discovery.ts";
import { createReconcileLoop, type Action } from "../../machinery/reconcile-loop.ts";
import { NAMESPACES, PODS, type PartialObject, type Resource } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";

export interface NamespaceControllerOptions {
  /** Time that other API servers get to see the deletion before things are deleted; 0 for a lone server. @default 5_000 */
  readonly settleMs?: number;
}

const FINALIZER = "kubernetes";
const FINALIZER_ESTIMATE_SECONDS = 15;

/** Empties namespaces that are being deleted, pods first, and lets them go once nothing is left in them. */
export function createNamespaceController(deps: ControllerDeps, options: NamespaceControllerOptions = {}): Unit {
  const { client, clock, informers } = deps;
  const { settleMs = 5_000 } = options;
  const namespaces = informers.of(NAMESPACES);
  const pods = informers.of(PODS);
  const podsIn = pods.index((pod) => [pod.metadata?.namespace ?? ""]);
  const discovery = createDiscoveryCache(deps, { freshMs: 10_000 });

  /** Deletes all of one resource. @returns what is left, and for how long that is expected */
  const empty = async (resource: Resource, verbs: readonly string[], namespace: string, signal: AbortSignal) => {
    const background = { propagationPolicy: "Background" } as const;
    if (verbs.includes("deletecollection")) {
      await client.deleteCollection(resource, { namespace }, signal, background);
    } else {
      const { items } = await client.listMetadata(resource, { namespace }, signal);
      for (const { metadata } of items) {
        await client
          .delete(resource, { namespace, name: metadata?.name ?? "" }, signal, background)
          .catch(ignoreMissing);
      }
    }
    const { items } = await client.listMetadata(resource, { namespace }, signal);
    return items;
  };

  const emptyNamespace = async (
    namespace: Namespace,
    signal: AbortSignal,
  ): Promise<{ readonly content: NamespaceContent; readonly waitSeconds: number; readonly failure?: unknown }> => {
    const name = namespace.metadata?.name ?? "";
    const { served, failures } = await discovery.get(signal);
    const remaining = new Map<string, number>();
    const finalizers = new Map<string, number>();
    const deletionFailures: string[] = [];
    let failure: unknown;
    let waitSeconds = 0;
    const podGrace = graceOfPods(podsIn(name), namespace, clock.now());

    const work = async ({ resource, verbs }: (typeof served)[number]): Promise<void> => {
      let left: readonly PartialObject[];
      try {
        left = await empty(resource, verbs, name, signal);
      } catch (reason) {
        signal.throwIfAborted();
        if (hasReason(reason, "NotFound", "MethodNotAllowed")) return;
        failure = reason;
        deletionFailures.push(messageOf(reason));
        return;
      }
      if (left.length === 0) return;
      remaining.set(`${resource.resource}.${resource.group}`, left.length);
      for (const finalizer of left.flatMap(({ metadata }) => metadata?.finalizers ?? [])) {
        finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
      }
      const grace = isPods(resource) ? podGrace : 0;
      const stuck = left.some(({ metadata }) => (metadata?.finalizers ?? []).length > 0)
        ? FINALIZER_ESTIMATE_SECONDS
        : 0;
      waitSeconds = Math.max(waitSeconds, grace > 0 ? grace : stuck, 1);
    };

    const deletable = served.filter(
      ({ resource, verbs }) => resource.namespaced && verbs.includes("delete") && verbs.includes("list"),
    );
    for (const pods of deletable.filter(({ resource }) => isPods(resource))) await work(pods);
    if (remaining.size === 0 && failure === undefined) {
      await Promise.all(deletable.filter(({ resource }) => !isPods(resource)).map(work));
    }
    failure ??= failures.length > 0 ? new Error(failures.map(({ message }) => message).join(", ")) : undefined;
    const discoveryFailures = failures.map(({ groupVersion, message }) => `${groupVersion}: ${message}`);
    const content = { remaining, finalizers, discoveryFailures, deletionFailures };
    return { content, waitSeconds, ...(failure !== undefined && { failure }) };
  };

  const reconcile = async (name: string, signal: AbortSignal): Promise<Action> => {
    let namespace = await client.get(NAMESPACES, { name }, signal).catch((reason: unknown) => {
      if (hasReason(reason, "NotFound")) return undefined;
      throw reason;
    });
    if (namespace?.metadata?.deletionTimestamp === undefined) return "await-change";
    if (namespace.status?.phase !== "Terminating") {
      const terminating = { ...namespace, status: { ...namespace.status, phase: "Terminating" } };
      namespace = await client.updateStatus(NAMESPACES, terminating, signal);
    }
    if ((namespace.spec?.finalizers ?? []).length === 0) return "await-change";

    const { content, waitSeconds, failure } = await emptyNamespace(namespace, signal);
    const conditions = namespaceConditions(namespace.status?.conditions, content, secondsText(clock.now()));
    if (conditions !== undefined && (content.remaining.size > 0 || failure !== undefined)) {
      namespace = await client.updateStatus(
        NAMESPACES,
        { ...namespace, status: { ...namespace.status, conditions } },
        signal,
      );
    }
    if (failure !== undefined) throw failure;
    if (content.remaining.size > 0) return { requeueAfterMs: (waitSeconds / 2 + 1) * 1_000 };

    const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
    await client
      .updateSubresource(NAMESPACES, "finalize", { ...namespace, spec: { ...namespace.spec, finalizers } }, signal)
      .catch(ignoreMissing);
    return "await-change";
  };

  const loop = createReconcileLoop(deps, {
    name: "namespace-controller",
    reconcile,
    backoff: { initialMs: 5, maximumMs: 60_000 },
  });
  namespaces.onChange(({ type, key, object }) => {
    if (type !== "deleted" && object.metadata?.deletionTimestamp !== undefined) loop.enqueueAfter(key, settleMs);
  });
  pods.onChange(({ type, object }) => {
    const name = object.metadata?.namespace ?? "";
    // The last pod to go is what the rest waits for.
    if (type !== "deleted" || podsIn(name).length > 0) return;
    if (namespaces.reader.get(name)?.metadata?.deletionTimestamp !== undefined) loop.enqueue(name);
  });
  return loop;
}

function isPods(resource: Resource): boolean {
  return resource.group === PODS.group && resource.resource === PODS.resource;
}

/** Longest time pods may still take; 0 when they had it already. */
function graceOfPods(pods: readonly Pod[], namespace: Namespace, now: number): number {
  const grace = Math.max(
    0,
    ...pods.filter((pod) => !podIsTerminal(pod)).map((pod) => pod.spec?.terminationGracePeriodSeconds ?? 0),
  );
  const deletedAt = Date.parse(namespace.metadata?.deletionTimestamp ?? "");
  return now - deletedAt >= grace * 1_000 ? 0 : grace;
}

function ignoreMissing(reason: unknown): void {
  if (!hasReason(reason, "NotFound")) throw reason;
}
