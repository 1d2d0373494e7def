import type { Pod, PodStatus } from "../../api/types.ts";
import { isMirrorPod, isTerminalPhase } from "../../api/pod.ts";
import { finalStatus } from "../../core/pods/final-status.ts";
import { isUrgent, statusPatch } from "../../core/pods/status-patch.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { PODS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { createLife, type Life } from "./life.ts";

/**
 * Carries statuses to the API server. The newest wins, nothing is sent twice, and while the server is away the newest
 * waits. Readers always see what was set last.
 */
export interface StatusManager {
  get(podUid: string): PodStatus | undefined;
  /** @param apiPod the object the status belongs to: the pod itself, or the mirror of a static one */
  set(podUid: string, apiPod: Pod | undefined, status: PodStatus): void;
  /** What the API server has now, as the watch tells. */
  observe(podUid: string, apiPod: Pod): void;
  /**
   * Nothing of the pod is left on the node: sends the last status, and deletes the object if that was asked for.
   * Safe to repeat.
   */
  finish(podUid: string, pod: Pod, apiPod: Pod | undefined): void;
  /** The object is gone, or was never there. */
  forget(podUid: string): void;
  readonly unit: Unit;
}

export interface StatusManagerDeps {
  /** Absent: a kubelet without API server. */
  readonly client?: Pick<ClusterClient, "patch" | "delete" | "get">;
  readonly clock: Clock;
  readonly log: Log;
  /** What the object should say of the pod besides its status; sent along with the next one. @default nothing */
  readonly annotationsOf?: (podUid: string) => Readonly<Record<string, string>>;
}

interface Entry {
  status: PodStatus;
  apiPod: Pod | undefined;
  /** What the server has, as far as it is known. */
  known: PodStatus;
  finished: boolean;
  deleteSent: boolean;
  failures: number;
  state: "idle" | "scheduled" | "sending" | "sending-again";
  cancelTimer: () => void;
}

/** How long a change waits that nobody waits for: a pod that comes up within it is told of once. */
const LAZY_MS = 1_000;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 10_000;
const AT_ONCE = 8;

export function createStatusManager(deps: StatusManagerDeps): StatusManager {
  const { client, clock, log } = deps;
  const entries = new Map<string, Entry>();
  let life: Life | undefined;
  let sending = 0;
  const queue = new Set<string>();

  function schedule(uid: string, entry: Entry, delayMs: number): void {
    if (client === undefined || life === undefined) return;
    if (entry.state === "sending" || entry.state === "sending-again") {
      entry.state = "sending-again";
      return;
    }
    if (entry.state === "scheduled" && delayMs > 0) return;
    entry.cancelTimer();
    entry.state = "scheduled";
    if (delayMs === 0) {
      queue.add(uid);
      pump();
      return;
    }
    const timer = life.branch();
    entry.cancelTimer = () => timer.abort();
    clock
      .sleep(delayMs, timer.signal)
      .then(() => {
        queue.add(uid);
        pump();
      })
      .catch(() => undefined)
      .finally(() => timer.release());
  }

  function pump(): void {
    for (const uid of queue) {
      if (sending >= AT_ONCE || life === undefined || life.signal.aborted) return;
      queue.delete(uid);
      const entry = entries.get(uid);
      if (entry === undefined) continue;
      sending++;
      entry.state = "sending";
      const request = life.branch();
      void send(uid, entry, request.signal).finally(() => {
        request.release();
        sending--;
        pump();
      });
    }
  }

  async function send(uid: string, entry: Entry, signal: AbortSignal): Promise<void> {
    let again: number | undefined;
    try {
      await sendOnce(uid, entry, signal);
      entry.failures = 0;
    } catch (failure) {
      if (signal.aborted) return;
      again = Math.min(FIRST_RETRY_MS * 2 ** entry.failures, LONGEST_RETRY_MS);
      entry.failures = Math.min(entry.failures + 1, 16);
      const level = entry.failures > 3 ? "warn" : "debug";
      log[level]("The status of a pod could not be sent, trying again", { podUid: uid, reason: messageOf(failure) });
    }
    const more = entry.state === "sending-again";
    entry.state = "idle";
    if (entries.get(uid) !== entry) return;
    if (again !== undefined) schedule(uid, entry, again);
    else if (more) schedule(uid, entry, 0);
  }

  async function sendOnce(uid: string, entry: Entry, signal: AbortSignal): Promise<void> {
    const { apiPod } = entry;
    const { name = "", namespace = "", uid: apiUid = "" } = apiPod?.metadata ?? {};
    if (client === undefined || apiPod === undefined || name === "") return;
    const key = { namespace, name };
    let server: Pod = apiPod;
    const patch = statusPatch(entry.known, entry.status);
    try {
      if (patch !== undefined) {
        const annotations = newAnnotations(apiPod, deps.annotationsOf?.(uid) ?? {});
        const value = { metadata: { uid: apiUid, ...annotations }, status: patch };
        server = await client.patch(PODS, key, { type: "strategic", value }, signal, { subresource: "status" });
        entry.known = server.status ?? {};
        // The watch may already have told something newer than this answer about the rest of the object.
        if (entry.apiPod === apiPod) entry.apiPod = server;
      }
      if (!entry.finished || entry.deleteSent || isMirrorPod(server)) return;
      if (server.metadata?.deletionTimestamp === undefined || !isTerminalPhase(entry.known.phase)) return;
      await client.delete(PODS, key, signal, { gracePeriodSeconds: 0, preconditions: { uid: apiUid } });
      entry.deleteSent = true;
    } catch (failure) {
      if (hasReason(failure, "NotFound")) {
        log.debug("A pod is gone from the API server, its status is dropped", { podUid: uid });
        return;
      }
      if (hasReason(failure, "Conflict") && (await isReplaced(key, apiUid, signal))) {
        log.debug("A pod was deleted and created again, the status of the old one is dropped", { podUid: uid });
        return;
      }
      throw failure;
    }
  }

  async function isReplaced(
    key: { readonly namespace: string; readonly name: string },
    uid: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      return (await client?.get(PODS, key, signal))?.metadata?.uid !== uid;
    } catch (failure) {
      if (hasReason(failure, "NotFound")) return true;
      throw failure;
    }
  }

  function entryOf(podUid: string, apiPod: Pod | undefined, status: PodStatus): Entry {
    const found = entries.get(podUid);
    if (found !== undefined) return found;
    const entry: Entry = {
      status,
      apiPod,
      known: apiPod?.status ?? {},
      finished: false,
      deleteSent: false,
      failures: 0,
      state: "idle",
      cancelTimer: () => undefined,
    };
    entries.set(podUid, entry);
    return entry;
  }

  function attach(entry: Entry, apiPod: Pod | undefined): void {
    if (apiPod === undefined || apiPod === entry.apiPod) return;
    const replaced = entry.apiPod?.metadata?.uid !== apiPod.metadata?.uid;
    entry.apiPod = apiPod;
    if (replaced) {
      entry.known = apiPod.status ?? {};
      entry.deleteSent = false;
    }
  }

  return {
    get: (podUid) => entries.get(podUid)?.status,
    set(podUid, apiPod, status) {
      const entry = entryOf(podUid, apiPod, status);
      attach(entry, apiPod);
      entry.status = status;
      if (statusPatch(entry.known, status) === undefined) return;
      schedule(podUid, entry, isUrgent(entry.known, status) ? 0 : LAZY_MS);
    },
    observe(podUid, apiPod) {
      const entry = entries.get(podUid);
      if (entry === undefined) return;
      attach(entry, apiPod);
      if (entry.state === "sending" || entry.state === "sending-again") return;
      entry.known = apiPod.status ?? {};
      if (statusPatch(entry.known, entry.status) !== undefined) schedule(podUid, entry, LAZY_MS);
    },
    finish(podUid, pod, apiPod) {
      const entry = entryOf(podUid, apiPod, apiPod?.status ?? pod.status ?? {});
      attach(entry, apiPod);
      entry.finished = true;
      entry.status = finalStatus(pod, entry.status, apiPod === undefined || isMirrorPod(apiPod), clock.now());
      schedule(podUid, entry, 0);
    },
    forget(podUid) {
      entries.get(podUid)?.cancelTimer();
      entries.delete(podUid);
      queue.delete(podUid);
    },
    unit: {
      name: "pod statuses",
      async run(signal, ready) {
        life = createLife(signal);
        for (const [uid, entry] of entries) schedule(uid, entry, 0);
        ready();
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          else signal.addEventListener("abort", () => resolve(), { once: true });
        });
      },
    },
  };
}

function newAnnotations(
  { metadata }: Pod,
  wanted: Readonly<Record<string, string>>,
): { readonly annotations?: Readonly<Record<string, string>> } {
  const missing = Object.entries(wanted).filter(([key, value]) => metadata?.annotations?.[key] !== value);
  return missing.length === 0 ? {} : { annotations: Object.fromEntries(missing) };
}
