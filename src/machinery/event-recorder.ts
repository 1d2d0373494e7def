import { messageOf } from "../lib/orlop-error.ts";
import type { CoreEvent } from "../api/types.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { hasReason } from "./answer-error.ts";
import { backoffDelay } from "./backoff.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { createEventSeries, type EventWrite, type KnownEvent, type Occurrence } from "./event-series.ts";
import { apiVersionOf, type ApiObject, EVENTS, type Resource } from "./resources.ts";
import type { Unit } from "./unit.ts";

/** Tells users what happened to their objects, as core/v1 Events. */
export interface EventRecorder {
  /** Never blocks and never throws: with too many waiting, or told too often, it is dropped. */
  record(occurrence: Occurrence): void;
}

export interface EventRecorderDeps {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface EventRecorderOptions {
  /** Who speaks, e.g. "kubelet". */
  readonly component: string;
  /** The node, for a component that runs on one. @default "" */
  readonly host?: string;
  /** Occurrences that may wait; more are dropped. @default 1000 */
  readonly queueLimit?: number;
}

const ATTEMPTS = 12;
const RETRY = { initialMs: 1_000, maximumMs: 10_000, jitter: 0.5 } as const;

/** Run the unit for events to be written. */
export function createEventRecorder(
  deps: EventRecorderDeps,
  options: EventRecorderOptions,
): EventRecorder & { readonly unit: Unit } {
  const { client, clock, random } = deps;
  const { component, host = "", queueLimit = 1_000 } = options;
  const log = deps.log.with({ component });
  const series = createEventSeries();
  const nextSuffix = suffixes(random);
  const queue: Queued[] = [];
  let wake = (): void => undefined;
  let dropped = 0;

  const perform = async (
    write: Exclude<EventWrite, { do: "drop" }>,
    { at: time, suffix }: Queued,
    signal: AbortSignal,
  ): Promise<void> => {
    const at = new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
    if (write.do === "count") {
      const count = write.event.count + 1;
      try {
        const value = { count, lastTimestamp: at, message: write.occurrence.message };
        await client.patch(EVENTS, write.event, { type: "merge", value }, signal);
        series.wrote(write.key, { ...write.event, count });
        return;
      } catch (reason) {
        if (!hasReason(reason, "NotFound")) throw reason;
        series.forget(write.key);
      }
    }
    const event = newEvent(write.occurrence, { component, host, at, suffix });
    await client.create(EVENTS, event, signal);
    series.wrote(write.key, knownEvent(event, at));
  };

  const writeOne = async (queued: Queued, signal: AbortSignal): Promise<void> => {
    const { occurrence } = queued;
    const write = series.decide(occurrence, queued.at);
    if (write.do === "drop") return;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await perform(write, queued, signal);
        return;
      } catch (reason) {
        if (signal.aborted) return;
        // A server that answers has its reasons (namespace going away, not allowed); only one out of reach is worth waiting for.
        if (attempt >= ATTEMPTS || isAnswer(reason)) {
          log.debug("event not written", { reason: occurrence.reason, error: messageOf(reason) });
          return;
        }
        await clock.sleep(backoffDelay(attempt, RETRY, random), signal).catch(() => undefined);
      }
    }
  };

  return {
    record(occurrence) {
      if (queue.length >= queueLimit) {
        dropped += 1;
        if (dropped === 1 || dropped % 1_000 === 0) log.warn("too many events wait, dropping", { dropped });
        return;
      }
      const at = clock.now();
      queue.push({ occurrence, at, suffix: nextSuffix(at) });
      wake();
    },
    unit: {
      name: `events of ${component}`,
      async run(signal, ready) {
        ready();
        while (!signal.aborted) {
          const next = queue.shift();
          if (next !== undefined) await writeOne(next, signal);
          else {
            await new Promise<void>((resolve) => {
              const settle = (): void => {
                signal.removeEventListener("abort", settle);
                resolve();
              };
              wake = settle;
              signal.addEventListener("abort", settle, { once: true });
            });
          }
        }
      },
    },
  };
}

/** What an event is about. Objects out of lists know neither kind nor apiVersion, so the resource tells. */
export function referenceTo<T extends ApiObject>(
  resource: Resource<T>,
  object: T,
): NonNullable<CoreEvent["involvedObject"]> {
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

interface Queued {
  readonly occurrence: Occurrence;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly suffix: string;
}

interface EventOrigin {
  readonly component: string;
  readonly host: string;
  readonly at: string;
  readonly suffix: string;
}

function newEvent(occurrence: Occurrence, { component, host, at, suffix }: EventOrigin): CoreEvent {
  const { involvedObject, type, reason, message, annotations } = occurrence;
  const namespace = involvedObject.namespace ?? "";
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      name: `${involvedObject.name ?? "unknown"}.${suffix}`,
      namespace: namespace === "" ? "default" : namespace,
      ...(annotations !== undefined && { annotations }),
    },
    involvedObject,
    reason,
    message,
    type,
    count: 1,
    firstTimestamp: at,
    lastTimestamp: at,
    source: { component, ...(host !== "" && { host }) },
    reportingComponent: component,
    reportingInstance: host,
  };
}

function knownEvent(event: CoreEvent, at: string): KnownEvent {
  const { name = "", namespace = "" } = event.metadata;
  return { name, namespace, count: 1, firstTimestamp: at };
}

/**
 * 16 hex digits: the time in nanoseconds, as upstream's names end. kubectl shows the events of one second in the order of
 * their names, so what one recorder is told later gets the later name, also within a millisecond.
 */
function suffixes(random: Random): (at: number) => string {
  let last = 0n;
  return (at) => {
    // The nanoseconds nobody measured keep components apart that speak of one object at once.
    const now = BigInt(Math.floor(at)) * 1_000_000n + BigInt(Math.floor(random.fraction() * 1_000));
    last = now > last ? now : last + 1n;
    return last.toString(16).padStart(16, "0");
  };
}

function isAnswer(reason: unknown): boolean {
  return (
    reason instanceof Error &&
    "status" in reason &&
    "code" in reason &&
    Number(reason.code) < 500 &&
    Number(reason.code) !== 429
  );
}
