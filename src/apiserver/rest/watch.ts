import { expired } from "../../api/status-error.ts";
import type { BodyWriter, HttpResponse } from "../../ports/http.ts";
import { concatenate, encodeText } from "../encoding/answer.ts";
import { negotiate } from "../encoding/negotiation.ts";
import { viewFor, watchFrame } from "../encoding/object-view.ts";
import type { ObjectView } from "../encoding/object-view.ts";
import { encodeEntry } from "../storage/entry.ts";
import type { Entry } from "../storage/entry.ts";
import type { Change } from "../storage/history.ts";
import { keyPrefix, waitForRevision } from "./list.ts";
import { parseListOptions, parseRevision } from "./list-options.ts";
import type { ListOptions } from "./list-options.ts";
import type { RequestScope, RestDeps } from "./request-scope.ts";

const BOOKMARK_INTERVAL_MS = 60_000;
/** How much is gathered into one write. */
const BATCH_BYTES = 64 * 1024;
const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

/** GET …?watch=true: the changes of a collection as lines of JSON, until the client leaves or the time is over. */
export async function handleWatch(deps: RestDeps, scope: RequestScope): Promise<HttpResponse> {
  const { context, kind } = scope;
  const { request, info } = context;
  const format = negotiate(request, { transforms: ["Table", "PartialObjectMetadata"], stream: true });
  const view = viewFor(kind, format, request.query);
  const options = parseListOptions(request.query, kind, info.name, true);
  const from = parseRevision(options.resourceVersion);
  if (options.sendInitialEvents === true && from > 0) await waitForRevision(deps, from, context.signal);
  const given = (options.timeoutSeconds ?? 0) * 1_000;
  const timeoutMs = given > 0 ? given : deps.minWatchMs * (1 + deps.random.fraction());
  return {
    status: 200,
    headers: { "Content-Type": "application/json" },
    body: async (writer) => {
      const ended = deps.watchStarted(kind);
      try {
        await stream(deps, scope, { view, options, from, timeoutMs }, writer);
      } finally {
        ended();
      }
    },
  };
}

interface WatchPlan {
  readonly view: ObjectView;
  readonly options: ListOptions;
  /** 0: from now, after everything that exists unless initial events are not wanted. */
  readonly from: number;
  readonly timeoutMs: number;
}

async function stream(
  deps: RestDeps,
  { context, kind }: RequestScope,
  plan: WatchPlan,
  writer: BodyWriter,
): Promise<void> {
  const { storage, clock } = deps;
  const { view, options } = plan;
  const { history, list } = storage.collection(kind);
  const prefix = keyPrefix(kind, context.info);
  const selects = (entry: Entry): boolean =>
    entry.key.startsWith(prefix) && (options.matches === undefined || options.matches(entry));
  const apiVersion = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
  let first = true;

  const bookmark = (revision: number, annotations?: Readonly<Record<string, string>>): Uint8Array => {
    const metadata = { resourceVersion: String(revision), ...(annotations !== undefined && { annotations }) };
    return watchFrame("BOOKMARK", view.bookmark(metadata));
  };
  const frameOf = (change: Change): Uint8Array | undefined => {
    const event = eventFor(change, selects);
    if (event === undefined) return undefined;
    const key = `${event.type} ${event.deselected ? "deselected" : ""} ${view.key} ${first ? "first" : ""}`;
    let frame = change.frames.get(key);
    if (frame === undefined) {
      const entry = event.deselected ? lastSeen(change, apiVersion, clock.now()) : change.entry;
      frame = watchFrame(event.type, view.event(entry, clock.now(), first));
      change.frames.set(key, frame);
    }
    first = false;
    return frame;
  };

  const initial = options.sendInitialEvents ?? plan.from === 0;
  const startRevision = initial || plan.from === 0 ? storage.revision() : plan.from;
  let position = history.positionAfter(startRevision);
  if (position === undefined) {
    await writer.write(expiredFrame(plan.from, history.compactedRevision));
    return;
  }
  const life = createWatchLife(deps, context.signal, plan.timeoutMs, options.allowWatchBookmarks);
  const unsubscribe = history.subscribe(life.wake);
  try {
    if (initial) {
      const entries =
        list({ prefix, ...(options.matches !== undefined && { matches: options.matches }) })?.entries ?? [];
      const frames = entries.map((entry) => (): Uint8Array => {
        const frame = watchFrame("ADDED", view.event(entry, clock.now(), first));
        first = false;
        return frame;
      });
      await writeBatches(frames, writer, life.ended);
      if (options.allowWatchBookmarks && options.sendInitialEvents !== false) {
        await writer.write(bookmark(startRevision, { [INITIAL_EVENTS_END]: "true" }));
      }
    }
    while (!life.ended() && !history.closed) {
      const batch: Uint8Array[] = [];
      let size = 0;
      for (
        let change = history.at(position);
        change !== undefined && size < BATCH_BYTES;
        change = history.at(position)
      ) {
        position += 1;
        const frame = change.revision > startRevision ? frameOf(change) : undefined;
        if (frame === undefined) continue;
        batch.push(frame);
        size += frame.length;
      }
      if (batch.length > 0) await writer.write(batch.length === 1 ? (batch[0] ?? "") : concatenate(batch));
      else if (position < history.end) {
        await writer.write(expiredFrame(startRevision, history.compactedRevision));
        return;
      } else if (life.takeBookmark()) await writer.write(bookmark(Math.max(storage.revision(), startRevision)));
      else await life.work();
    }
  } finally {
    unsubscribe();
    life.stop();
  }
}

interface WatchLife {
  ended(): boolean;
  /** Resolves when there may be something to do. */
  work(): Promise<void>;
  wake(): void;
  /** True once for each bookmark that is due. */
  takeBookmark(): boolean;
  stop(): void;
}

function createWatchLife(
  { clock }: Pick<RestDeps, "clock">,
  client: AbortSignal,
  timeoutMs: number,
  bookmarks: boolean,
): WatchLife {
  const stopped = new AbortController();
  let resolve: (() => void) | undefined;
  let woken = false;
  let bookmarkDue = false;
  const wake = (): void => {
    woken = true;
    resolve?.();
  };
  const end = (): void => {
    stopped.abort();
    wake();
  };
  client.addEventListener("abort", end, { once: true });
  if (client.aborted) end();
  const remind = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await clock.sleep(BOOKMARK_INTERVAL_MS, stopped.signal);
      bookmarkDue = true;
      wake();
    }
  };
  clock.sleep(timeoutMs, stopped.signal).then(end, () => undefined);
  if (bookmarks) remind().catch(() => undefined);
  return {
    ended: () => stopped.signal.aborted,
    async work() {
      if (!woken) {
        await new Promise<void>((settle) => {
          resolve = settle;
        });
      }
      woken = false;
      resolve = undefined;
    },
    wake,
    takeBookmark() {
      const due = bookmarkDue;
      bookmarkDue = false;
      return due;
    },
    stop() {
      client.removeEventListener("abort", end);
      stopped.abort();
    },
  };
}

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** The object still exists but no longer matches. */
  readonly deselected: boolean;
}

/** What a change means to somebody who sees only the selected objects. */
function eventFor({ type, entry, old }: Change, selects: (entry: Entry) => boolean): WatchEvent | undefined {
  const before = old !== undefined && selects(old);
  if (type === "deleted") return before ? { type: "DELETED", deselected: false } : undefined;
  const after = selects(entry);
  if (after) return { type: before ? "MODIFIED" : "ADDED", deselected: false };
  return before ? { type: "DELETED", deselected: true } : undefined;
}

/** The last content that matched, with the revision at which it stopped matching. */
function lastSeen({ old, entry, revision }: Change, apiVersion: string, now: number): Entry {
  const { object } = old ?? entry;
  return encodeEntry(entry.key, revision, { apiVersion, ...object }, now);
}

function expiredFrame(from: number, oldest: number): Uint8Array {
  const { status } = expired(`too old resource version: ${from} (${oldest})`);
  return watchFrame("ERROR", encodeText(JSON.stringify(status)));
}

async function writeBatches(
  frames: readonly (() => Uint8Array)[],
  writer: BodyWriter,
  ended: () => boolean,
): Promise<void> {
  let batch: Uint8Array[] = [];
  let size = 0;
  for (const frame of frames) {
    const encoded = frame();
    batch.push(encoded);
    size += encoded.length;
    if (size < BATCH_BYTES) continue;
    if (ended()) return;
    await writer.write(concatenate(batch));
    batch = [];
    size = 0;
  }
  if (size > 0 && !ended()) await writer.write(concatenate(batch));
}
