import { messageOf } from "../../lib/orlop-error.ts";
import type { ObjectMeta, OwnerReference } from "../../api/types.ts";
import {
  decideGarbage,
  decideWaiting,
  FOREGROUND_FINALIZER,
  hasFinalizer,
  ORPHAN_FINALIZER,
} from "../../core/controllers/garbage.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { createDiscoveryCache } from "../../machinery/discovery.ts";
import type { Change } from "../../machinery/object-store.ts";
import { type Action, createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { apiVersionOf, type ObjectKey, type PartialObject, type Resource } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { createMonitors } from "./monitors.ts";
import { asDependent, createObjectGraph, type GraphItem } from "./object-graph.ts";
import { createOwnerLookup } from "./owner-lookup.ts";

/** How often it is looked whether other resources are served. */
const DISCOVERY_MS = 30_000;
const UNTIL_SYNCED_MS = 200;
/** After so long a resource that can not be listed no longer holds up the others. */
const PATIENCE_MS = 30_000;

/**
 * Deletes objects whose owners are all gone, and lets owners go that wait for their dependents: in the foreground after
 * those that block, or orphaning them. An owner counts as gone only when the server said so.
 */
export function createGarbageCollectionController(deps: ControllerDeps): Unit {
  const { client, clock } = deps;
  const log = deps.log.with({ controller: "garbage-collector-controller" });
  const events = deps.events.for("garbage-collector-controller");
  let startedAt = 0;
  const graph = createObjectGraph();
  const discovery = createDiscoveryCache(deps, { freshMs: DISCOVERY_MS / 2 });
  const owners = createOwnerLookup({ client, graph, discovery });

  const dropReferences = async (item: GraphItem, uids: readonly string[], signal: AbortSignal): Promise<void> => {
    const ownerReferences = (item.metadata.ownerReferences ?? []).filter(({ uid }) => !uids.includes(uid));
    await patchMetadata(item, { ownerReferences }, signal);
  };

  /** Only when the object is still as it was decided on; another try follows otherwise. */
  const patchMetadata = async (item: GraphItem, change: Partial<ObjectMeta>, signal: AbortSignal): Promise<void> => {
    const { uid, resourceVersion } = item.metadata;
    const value = { metadata: { uid, resourceVersion, ...change } };
    await client.patch(item.resource, addressOf(item), { type: "merge", value }, signal).catch(ignoreMissing);
  };

  const reconcileWaiting = async (item: GraphItem, signal: AbortSignal): Promise<Action | undefined> => {
    const dependents = graph.dependentsOf(item.uid);
    const decision = decideWaiting(
      item.metadata,
      dependents.map((dependent) => asDependent(dependent, item.uid)),
    );
    if (decision === undefined) return undefined;
    if (!monitors.haveSynced()) return { requeueAfterMs: UNTIL_SYNCED_MS };
    switch (decision.do) {
      case "orphan-dependents":
        await Promise.all(dependents.map((dependent) => dropReferences(dependent, [item.uid], signal)));
        // The graph shows it when the watch has told; then there is nothing left to orphan.
        return { requeueAfterMs: UNTIL_SYNCED_MS };
      case "release":
        await patchMetadata(
          item,
          { finalizers: (item.metadata.finalizers ?? []).filter((finalizer) => finalizer !== decision.finalizer) },
          signal,
        );
        return "await-change";
      case "wait":
        for (const uid of decision.for) loop.enqueue(uid);
        return "await-change";
    }
  };

  const reconcile = async (uid: string, signal: AbortSignal): Promise<Action> => {
    const item = graph.get(uid);
    if (item === undefined) return "await-change";
    const waiting = await reconcileWaiting(item, signal);
    if (waiting !== undefined) return waiting;
    if (item.metadata.deletionTimestamp !== undefined) return "await-change";
    // Most owners are about to be known; asking the server for each would be the longer way.
    if (!monitors.haveSynced() && clock.monotonic() - startedAt < PATIENCE_MS)
      return { requeueAfterMs: UNTIL_SYNCED_MS };

    const references = item.metadata.ownerReferences ?? [];
    const known = await Promise.all(references.map((reference) => owners.stateOf(item, reference, signal)));
    const dependents = graph.dependentsOf(uid).map((dependent) => asDependent(dependent, uid));
    const decision = decideGarbage(item.metadata, known, dependents);
    switch (decision.do) {
      case "nothing":
        return "await-change";
      case "drop-references":
        await dropReferences(item, decision.uids, signal);
        return "await-change";
      case "delete": {
        if (decision.unblockFirst) {
          const ownerReferences = references.map((reference) => ({ ...reference, blockOwnerDeletion: false }));
          await patchMetadata(item, { ownerReferences }, signal);
        }
        const { resourceVersion } = item.metadata;
        const preconditions =
          decision.unblockFirst || resourceVersion === undefined ? { uid } : { uid, resourceVersion };
        await client
          .delete(item.resource, addressOf(item), signal, { preconditions, propagationPolicy: decision.policy })
          .catch(ignoreMissing);
        log.debug("deleted, as its owners are gone", { kind: item.resource.kind, ...addressOf(item) });
        return "await-change";
      }
    }
  };

  const loop = createReconcileLoop(deps, {
    name: "garbage-collector-controller",
    reconcile,
    concurrency: 20,
    backoff: { initialMs: 100, maximumMs: 60_000 },
  });

  const changed = (resource: Resource, change: Change<PartialObject>): void => {
    const metadata = change.object.metadata ?? {};
    const uid = metadata.uid ?? "";
    if (change.type === "deleted") {
      graph.remove(uid);
      for (const dependent of graph.dependentsOf(uid)) loop.enqueue(dependent.uid);
      for (const owner of metadata.ownerReferences ?? []) loop.enqueue(owner.uid);
      return;
    }
    const old = change.type === "updated" ? (change.old.metadata ?? {}) : {};
    // A name given to another object within one relist: the old one is gone.
    if (old.uid !== undefined && old.uid !== uid)
      changed(resource, { type: "deleted", key: change.key, object: { metadata: old } });
    graph.put(resource, change.object);
    if (beganWaiting(old, metadata)) {
      loop.enqueue(uid);
      for (const dependent of graph.dependentsOf(uid)) loop.enqueue(dependent.uid);
    }
    const references = metadata.ownerReferences ?? [];
    if (JSON.stringify(references) === JSON.stringify(old.ownerReferences ?? [])) return;
    if (references.length > 0) loop.enqueue(uid);
    for (const owner of [...(old.ownerReferences ?? []), ...references]) {
      if (graph.get(owner.uid)?.metadata.deletionTimestamp !== undefined) loop.enqueue(owner.uid);
    }
    for (const reference of references) tellWrongNamespace(resource, metadata, reference);
  };

  const tellWrongNamespace = (resource: Resource, metadata: ObjectMeta, reference: OwnerReference): void => {
    const owner = graph.get(reference.uid);
    const namespace = metadata.namespace ?? "";
    if (owner === undefined || !owner.resource.namespaced || owner.metadata.namespace === namespace) return;
    const { apiVersion, kind, name, uid } = reference;
    events.record({
      involvedObject: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...addressOf({ resource, metadata }) },
      type: "Warning",
      reason: "OwnerRefInvalidNamespace",
      message: `ownerRef [${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}] does not exist in namespace "${namespace}"`,
    });
  };

  const monitors = createMonitors({ ...deps, log }, changed);

  const followServed = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      let failed = false;
      try {
        const { served, failures } = await discovery.get(signal);
        failed = failures.length > 0;
        // With a part of the answer missing, nothing served so far is taken to be gone.
        if (!failed || !monitors.haveSynced()) monitors.follow(served, signal);
      } catch (reason) {
        failed = true;
        if (!signal.aborted) log.warn("can not tell which resources are served", { error: messageOf(reason) });
      }
      await clock.sleep(failed ? DISCOVERY_MS / 6 : DISCOVERY_MS, signal).catch(() => undefined);
    }
    await monitors.ended();
  };

  return {
    name: "garbage-collector-controller",
    async run(signal, ready) {
      startedAt = clock.monotonic();
      await Promise.all([followServed(signal), loop.run(signal, ready)]);
    },
  };
}

function beganWaiting(old: ObjectMeta, now: ObjectMeta): boolean {
  const waits = (metadata: ObjectMeta): boolean =>
    metadata.deletionTimestamp !== undefined &&
    (hasFinalizer(metadata, ORPHAN_FINALIZER) || hasFinalizer(metadata, FOREGROUND_FINALIZER));
  return waits(now) && !waits(old);
}

function addressOf({ resource, metadata }: Pick<GraphItem, "resource" | "metadata">): ObjectKey {
  const { name = "", namespace } = metadata;
  return { name, ...(resource.namespaced && namespace !== undefined && { namespace }) };
}

function ignoreMissing(reason: unknown): void {
  if (!hasReason(reason, "NotFound")) throw reason;
}
