import { messageOf } from "../../lib/orlop-error.ts";
import type { ServedResource } from "../../machinery/discovery.ts";
import { createMetadataInformer, type InformerDeps } from "../../machinery/informer.ts";
import type { Informers } from "../../machinery/informers.ts";
import { linkAbort } from "../../machinery/linked-abort.ts";
import type { Change } from "../../machinery/object-store.ts";
import { apiVersionOf, type PartialObject, type Resource, resourceName } from "../../machinery/resources.ts";

/** Watches on everything that can own or be owned. */
export interface Monitors {
  /** Starts watches for what is new and stops those of what is no longer served. */
  follow(served: readonly ServedResource[], signal: AbortSignal): void;
  /** Whether each has its first list: before that a missing dependent proves nothing. */
  haveSynced(): boolean;
  /** Waits for the watches to end after their signal aborted. */
  ended(): Promise<void>;
}

interface Monitor {
  readonly hasSynced: () => boolean;
  readonly stop: () => void;
  readonly running: Promise<void>;
}

const IGNORED: ReadonlySet<string> = new Set(["events", "events.events.k8s.io"]);
const NEEDED_VERBS = ["delete", "list", "watch"] as const;

export function createMonitors(
  deps: InformerDeps & { readonly informers: Informers },
  changed: (resource: Resource, change: Change<PartialObject>) => void,
): Monitors {
  const monitors = new Map<string, Monitor>();
  let followed = false;

  const start = (resource: Resource, signal: AbortSignal): Monitor => {
    const shared = deps.informers.existing(resource);
    if (shared !== undefined && apiVersionOf(shared.resource) === apiVersionOf(resource)) {
      const stop = shared.onChange((change) => changed(resource, change));
      return { hasSynced: () => shared.hasSynced(), stop, running: Promise.resolve() };
    }
    const informer = createMetadataInformer(deps, { resource });
    informer.onChange((change) => changed(resource, change));
    const link = linkAbort(signal);
    const running = informer
      .run(link.signal, () => undefined)
      .catch((reason: unknown) => deps.log.error("monitor ended", { monitor: informer.name, error: messageOf(reason) }))
      .finally(() => link.release());
    return { hasSynced: () => informer.hasSynced(), stop: () => link.abort(), running };
  };

  return {
    follow(served, signal) {
      const wanted = new Map<string, Resource>(
        served
          .filter(({ verbs }) => NEEDED_VERBS.every((verb) => verbs.includes(verb)))
          .map(({ resource }) => [`${resourceName(resource)}/${resource.version}`, resource] as const)
          .filter(([, resource]) => !IGNORED.has(resourceName(resource))),
      );
      for (const [key, monitor] of monitors) {
        if (wanted.has(key)) continue;
        monitor.stop();
        monitors.delete(key);
      }
      for (const [key, resource] of wanted) if (!monitors.has(key)) monitors.set(key, start(resource, signal));
      followed = true;
    },
    haveSynced: () => followed && [...monitors.values()].every(({ hasSynced }) => hasSynced()),
    async ended() {
      await Promise.allSettled([...monitors.values()].map(({ running }) => running));
    },
  };
}
