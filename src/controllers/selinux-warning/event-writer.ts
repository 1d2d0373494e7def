import type { CoreEvent } from "../../api/types.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { backoffDelay } from "../../machinery/backoff.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { EVENTS } from "../../machinery/resources.ts";
import { StatusError } from "../../api/status-error.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";

/** An event that is the same one however often and by whichever process it is told. */
export interface NamedOccurrence {
  readonly involvedObject: NonNullable<CoreEvent["involvedObject"]>;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** Tells it apart from other events on the object. */
  readonly identity: string;
}

export interface EventWriterDeps {
  readonly client: Pick<ClusterClient, "create" | "patch">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Writes one event. Slow when told too much, never dropping.
 *
 * @returns true when that is done or pointless, false when the server could not be reached for long: try again later
 */
export type WriteEvent = (occurrence: NamedOccurrence, signal: AbortSignal) => Promise<boolean>;

const COMPONENT = "selinux_warning";
const BURST = 500;
const PER_SECOND = 50;
const TICK_SECONDS = 0.5;
const ATTEMPTS = 8;
const RETRY = { initialMs: 1_000, maximumMs: 30_000, jitter: 0.5 } as const;

/**
 * Events with names made of what they tell: after a restart the same conflict renews its event instead of adding one. The
 * pace is limited, so that thousands of conflicts do not keep the API server busy.
 */
export function createEventWriter(deps: EventWriterDeps): WriteEvent {
  const { client, clock, random, log } = deps;
  let tokens = BURST;
  let filledAt = clock.monotonic();
  let isDenied = false;

  const pace = async (signal: AbortSignal): Promise<void> => {
    const now = clock.monotonic();
    tokens = Math.min(BURST, tokens + ((now - filledAt) / 1_000) * PER_SECOND);
    filledAt = now;
    tokens -= 1;
    // Who waits wakes together with others: fifty wake-ups a second would cost more than the events.
    if (tokens < 0) await clock.sleep(Math.ceil(-tokens / PER_SECOND / TICK_SECONDS) * TICK_SECONDS * 1_000, signal);
  };

  const write = async (event: CoreEvent, signal: AbortSignal): Promise<void> => {
    try {
      await client.create(EVENTS, event, signal);
    } catch (reason) {
      if (!hasReason(reason, "AlreadyExists")) throw reason;
      const { name = "", namespace = "" } = event.metadata;
      const { message, lastTimestamp } = event;
      await client.patch(EVENTS, { namespace, name }, { type: "merge", value: { message, lastTimestamp } }, signal);
    }
  };

  return async (occurrence, signal) => {
    await pace(signal);
    for (let attempt = 1; attempt <= ATTEMPTS && !signal.aborted; attempt++) {
      try {
        await write(eventOf(occurrence, new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z")), signal);
        isDenied = false;
        return true;
      } catch (reason) {
        if (signal.aborted) break;
        if (reason instanceof StatusError && reason.code < 500 && reason.code !== 429) {
          giveUp(occurrence, reason);
          return true;
        }
        log.debug("event not written, trying again", { pod: podOf(occurrence), error: messageOf(reason) });
        await clock.sleep(backoffDelay(attempt, RETRY, random), signal);
      }
    }
    return signal.aborted;
  };

  /** What the server refuses it will refuse again, e.g. in a namespace that goes away. */
  function giveUp(occurrence: NamedOccurrence, reason: StatusError): void {
    const goesAway = reason.message.includes("because it is being terminated");
    const isNew = reason.code === 403 && !goesAway && !isDenied;
    if (isNew)
      log.warn("the right to create and patch events is missing: pods are not told", { error: reason.message });
    else log.debug("event refused", { pod: podOf(occurrence), error: reason.message });
    isDenied ||= isNew;
  }
}

function podOf({ involvedObject: { namespace = "", name = "" } }: NamedOccurrence): string {
  return `${namespace}/${name}`;
}

function eventOf({ involvedObject, type, reason, message, identity }: NamedOccurrence, at: string): CoreEvent {
  const { namespace = "default", name = "" } = involvedObject;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { namespace, name: `${name.slice(0, 236).replace(/[.-]+$/, "")}.${digest(identity)}` },
    involvedObject,
    reason,
    message,
    type,
    count: 1,
    firstTimestamp: at,
    lastTimestamp: at,
    source: { component: COMPONENT },
    reportingComponent: COMPONENT,
    reportingInstance: "",
  };
}

/** 16 hex digits that depend on all of the text (FNV-1a, twice with different starts); for names, not against attackers. */
function digest(text: string): string {
  let one = 0x811c9dc5;
  let two = 0x9747b28c;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    one = Math.imul(one ^ code, 0x01000193) >>> 0;
    two = Math.imul(two ^ (code + 0x9e37), 0x01000193) >>> 0;
  }
  return `${one.toString(16).padStart(8, "0")}${two.toString(16).padStart(8, "0")}`;
}
