import { StatusError } from "../../api/status-error.ts";
import type { ConfigMap, Pod, Secret } from "../../api/types.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { linkAbort, type LinkedAbort } from "../../machinery/linked-abort.ts";
import { CONFIG_MAPS, type Resource, SECRETS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { PodReferences } from "../pod-volumes.ts";
import { referencesOf } from "./references-of.ts";

export interface PodReferencesDeps {
  readonly client: Pick<ClusterClient, "get" | "list" | "watch">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface PodReferencesOptions {
  /** `Watch` follows each object; `Cache` asks again when an answer is older than `cacheTtl`; `Get` always asks. @default "Watch" */
  readonly strategy?: "Watch" | "Cache" | "Get";
  /** Milliseconds an answer is good for without a watch. @default 60 s */
  readonly cacheTtl?: number;
}

export interface PodReferencesService extends PodReferences {
  /** Called when an object of the namespace changed; returns how to stop. */
  onChange(listener: (namespace: string) => void): () => void;
  /** Runs the watches. Without it running, answers are cached for `cacheTtl` only. */
  readonly unit: Unit;
}

type Followed = ConfigMap | Secret;

interface Entry {
  /** undefined: it does not exist. */
  object: Followed | undefined;
  /** Monotonic milliseconds of the answer. */
  readAt: number;
  /** The watch keeps it fresh: no age limit. */
  live: boolean;
  pending: Promise<Followed | undefined> | undefined;
  /** Settles when the watch has its first answer or failed to get one. */
  first: Promise<void> | undefined;
  stop: LinkedAbort | undefined;
}

interface Reference {
  readonly resource: Resource<Followed>;
  readonly namespace: string;
  readonly name: string;
}

const CACHE_TTL_MS = 60_000;
const LONGEST_PAUSE_MS = 60_000;

function keyOfReference({ resource, namespace, name }: Reference): string {
  return `${resource.resource}/${namespace}/${name}`;
}

function isNotFound(reason: unknown): boolean {
  return reason instanceof StatusError && reason.code === 404;
}

/**
 * ConfigMaps and Secrets of the pods on this node, one by one: a node may read what its pods refer to by name, but may not
 * list. Objects are followed from the first question until `retain` no longer finds them in any pod.
 */
export function createPodReferences(deps: PodReferencesDeps, options: PodReferencesOptions = {}): PodReferencesService {
  const strategy = options.strategy ?? "Watch";
  const ttl = options.cacheTtl ?? CACHE_TTL_MS;
  const entries = new Map<string, Entry>();
  const listeners = new Set<(namespace: string) => void>();
  let running: AbortSignal | undefined;
  const watches = new Set<Promise<void>>();

  const changed = (namespace: string): void => {
    for (const listener of listeners) listener(namespace);
  };

  const read = async (reference: Reference, entry: Entry, signal: AbortSignal): Promise<Followed | undefined> => {
    const { resource, namespace, name } = reference;
    let object: Followed | undefined;
    try {
      object = await deps.client.get(resource, { namespace, name }, signal);
    } catch (reason) {
      signal.throwIfAborted();
      if (!isNotFound(reason)) {
        throw new OrlopError(
          "Unavailable",
          `cannot read ${resource.resource} ${namespace}/${name}: ${messageOf(reason)}`,
          {
            cause: reason,
          },
        );
      }
    }
    // A watch that started meanwhile knows better.
    if (entry.live) return entry.object;
    entry.object = object;
    entry.readAt = deps.clock.monotonic();
    return object;
  };

  const follow = async (
    reference: Reference,
    entry: Entry,
    answered: () => void,
    signal: AbortSignal,
  ): Promise<void> => {
    const { resource, namespace, name } = reference;
    const select = { namespace, fieldSelector: `metadata.name=${name}` };
    for (let failures = 0; !signal.aborted; ) {
      try {
        const list = await deps.client.list(resource, select, signal);
        const [object] = list.items;
        update(entry, object, namespace);
        entry.live = true;
        failures = 0;
        answered();
        const from = {
          ...select,
          ...(list.metadata.resourceVersion !== undefined && { resourceVersion: list.metadata.resourceVersion }),
        };
        for await (const event of deps.client.watch(resource, from, signal)) {
          if (event.type !== "BOOKMARK") update(entry, event.type === "DELETED" ? undefined : event.object, namespace);
        }
      } catch (reason) {
        if (signal.aborted) return;
        failures += 1;
        deps.log.debug("watching an object of a pod ended", {
          resource: resource.resource,
          namespace,
          name,
          reason: messageOf(reason),
        });
      }
      answered();
      entry.live = false;
      entry.readAt = deps.clock.monotonic();
      const pause = Math.min(1_000 * 2 ** Math.min(failures, 6), LONGEST_PAUSE_MS) * (0.5 + deps.random.fraction());
      await deps.clock.sleep(pause, signal).catch(() => undefined);
    }
  };

  const update = (entry: Entry, object: Followed | undefined, namespace: string): void => {
    const before = entry.object?.metadata;
    entry.object = object;
    const same = before?.uid === object?.metadata?.uid && before?.resourceVersion === object?.metadata?.resourceVersion;
    if (!same) changed(namespace);
  };

  const startWatch = (reference: Reference, entry: Entry): void => {
    if (strategy !== "Watch" || running === undefined || running.aborted || entry.stop !== undefined) return;
    const stop = linkAbort(running);
    entry.stop = stop;
    let answered = (): void => undefined;
    entry.first = new Promise((resolve) => {
      answered = resolve;
    });
    const watch = follow(reference, entry, answered, stop.signal).finally(() => {
      stop.release();
      watches.delete(watch);
      entry.live = false;
      answered();
    });
    watches.add(watch);
  };

  const find = async (reference: Reference, signal: AbortSignal): Promise<Followed | undefined> => {
    const key = keyOfReference(reference);
    const entry = entries.get(key) ?? {
      object: undefined,
      readAt: -Infinity,
      live: false,
      pending: undefined,
      first: undefined,
      stop: undefined,
    };
    entries.set(key, entry);
    startWatch(reference, entry);
    await entry.first;
    signal.throwIfAborted();
    if (entry.live) return entry.object;
    if (strategy !== "Get" && deps.clock.monotonic() - entry.readAt < ttl && entry.object !== undefined)
      return entry.object;
    // Shared by all who ask now, so it ends with the service and not with one of them.
    entry.pending ??= read(reference, entry, running ?? signal).finally(() => {
      entry.pending = undefined;
    });
    return entry.pending;
  };

  return {
    configMap: (namespace, name, signal) =>
      find({ resource: CONFIG_MAPS, namespace, name }, signal) as Promise<ConfigMap | undefined>,
    secret: (namespace, name, signal) =>
      find({ resource: SECRETS, namespace, name }, signal) as Promise<Secret | undefined>,
    retain: (pods: readonly Pod[]) => {
      const wanted = new Set(
        pods.flatMap((pod) => {
          const namespace = pod.metadata?.namespace ?? "";
          const { configMaps, secrets } = referencesOf(pod);
          return [
            ...configMaps.map((name) => keyOfReference({ resource: CONFIG_MAPS, namespace, name })),
            ...secrets.map((name) => keyOfReference({ resource: SECRETS, namespace, name })),
          ];
        }),
      );
      for (const [key, entry] of entries) {
        if (wanted.has(key)) continue;
        entry.stop?.abort();
        entries.delete(key);
      }
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    unit: {
      name: "pod references",
      run: async (signal, ready) => {
        running = signal;
        ready();
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          else signal.addEventListener("abort", () => resolve(), { once: true });
        });
        running = undefined;
        await Promise.allSettled(watches);
      },
    },
  };
}
