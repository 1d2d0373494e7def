import { messageOf, OrlopError } from "../lib/orlop-error.ts";
import { StatusError } from "../api/status-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { hasReason } from "./answer-error.ts";
import { backoffDelay } from "./backoff.ts";
import type {
  ClusterClient,
  ListOptions,
  ListResult,
  SelectOptions,
  WatchEvent,
  WatchOptions,
} from "./cluster-client.ts";
import { type Change, createObjectStore, type Index, type ObjectReader } from "./object-store.ts";
import { linkAbort } from "./linked-abort.ts";
import { keyOf, resourceName, type ApiObject, type PartialObject, type Resource } from "./resources.ts";
import type { Unit } from "./unit.ts";
import { INITIAL_WATCH, step, type WatchInput, type WatchState } from "./watch-state.ts";

/**
 * A copy of a collection, kept fresh by list and watch. Ready when the first list is in. It never resyncs for the sake of
 * it: listeners hear of changes only.
 */
export interface Informer<T extends ApiObject> extends Unit {
  readonly resource: Resource<T>;
  readonly reader: ObjectReader<T>;
  hasSynced(): boolean;
  index(valuesOf: (object: T) => readonly string[]): Index<T>;
  /** Called for each change after the reader shows it; objects there already are told as added. Returns how to stop. */
  onChange(listener: (change: Change<T>) => void): () => void;
}

export interface InformerDeps {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface InformerOptions<T extends ApiObject> {
  readonly resource: Resource<T>;
  readonly select?: SelectOptions;
  /** What to keep of each object. @default all but managedFields */
  readonly keep?: (object: T) => T;
  /** Objects a page when listing. @default 500 */
  readonly pageSize?: number;
}

const PAUSE = { initialMs: 200, maximumMs: 30_000, jitter: 1 } as const;
/** A watch lasts between this and twice as long, so that not all of them are renewed at once. */
const WATCH_SECONDS = 300;
const SHORT_WATCH_MS = 1_000;
/** A watch that goes on for so long after its time is given up. */
const OVERDUE_MS = 30_000;

/** @param source where the objects come from. @default the client */
export function createInformer<T extends ApiObject>(
  deps: InformerDeps,
  options: InformerOptions<T>,
  source: InformerSource<T> = clientSource(deps.client, options.resource),
): Informer<T> {
  return keepCopy(deps, options, source);
}

function clientSource<T extends ApiObject>(client: ClusterClient, resource: Resource<T>): InformerSource<T> {
  return {
    list: (select, signal) => client.list(resource, select, signal),
    watch: (select, signal) => client.watch(resource, select, signal),
  };
}

/** An informer of which the objects have metadata only. */
export function createMetadataInformer(
  deps: InformerDeps,
  options: InformerOptions<PartialObject>,
): Informer<PartialObject> {
  const { client } = deps;
  const keep = ({ metadata }: PartialObject): PartialObject => (metadata === undefined ? {} : { metadata });
  return keepCopy(
    deps,
    { keep: (object) => withoutManagedFields(keep(object)), ...options },
    {
      list: (select, signal) => client.listMetadata(options.resource, select, signal),
      watch: (select, signal) => client.watchMetadata(options.resource, select, signal),
    },
  );
}

/** Lists and watches the objects of one resource. */
export interface InformerSource<T extends ApiObject> {
  list(options: ListOptions, signal: AbortSignal): Promise<ListResult<T>>;
  watch(options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchEvent<T>>;
}

function keepCopy<T extends ApiObject>(
  deps: InformerDeps,
  options: InformerOptions<T>,
  source: InformerSource<T>,
): Informer<T> {
  const { clock, random } = deps;
  const { resource, select = {}, keep = withoutManagedFields, pageSize = 500 } = options;
  const name = `informer ${resourceName(resource)}`;
  const log = deps.log.with({ informer: resourceName(resource) });
  const store = createObjectStore<T>();
  const listeners = new Set<(change: Change<T>) => void>();
  let synced = false;

  const tell = (change: Change<T>): void => {
    for (const listener of listeners) listener(change);
  };

  const list = async (signal: AbortSignal): Promise<WatchInput> => {
    const items: T[] = [];
    let page: ListOptions = { ...select, limit: pageSize };
    for (;;) {
      const { metadata, items: some } = await source.list(page, signal);
      for (const item of some) items.push(keep(item));
      const next = metadata.continue ?? "";
      if (next === "") {
        const { resourceVersion = "" } = metadata;
        if (resourceVersion === "") throw new OrlopError("Unavailable", `The list of ${name} has no resourceVersion`);
        for (const change of store.writer.replaceAll(items)) tell(change);
        return { type: "listed", resourceVersion };
      }
      page = { ...select, limit: pageSize, continue: next };
    }
  };

  const apply = ({ type, object }: WatchEvent<T>): void => {
    if (type === "BOOKMARK") return;
    const change = type === "DELETED" ? store.writer.remove(keyOf(object)) : store.writer.put(keep(object));
    if (change === undefined) return;
    // What was deleted is told as it was at the end.
    tell(change.type === "deleted" ? { ...change, object: keep(object) } : change);
  };

  const run = async (signal: AbortSignal, ready: () => void): Promise<void> => {
    let [state, command] = INITIAL_WATCH;
    const advance = (input: WatchInput): void => {
      [state, command] = step(state, input);
    };
    const watch = async (resourceVersion: string): Promise<void> => {
      const begun = clock.monotonic();
      const timeoutSeconds = Math.ceil(WATCH_SECONDS * (1 + random.fraction()));
      const limit = linkAbort(signal);
      // The server should have ended it by then: the connection is dead, or nobody is left at the other end.
      const overdue = clock.sleep(timeoutSeconds * 1_000 + OVERDUE_MS, limit.signal).then(
        () => limit.abort(new OrlopError("Timeout", `The watch did not end after ${timeoutSeconds} s`)),
        () => undefined,
      );
      try {
        const asked = { ...select, resourceVersion, allowWatchBookmarks: true, timeoutSeconds };
        for await (const event of source.watch(asked, limit.signal)) {
          apply(event);
          advance({ type: "progressed", resourceVersion: event.object.metadata?.resourceVersion ?? resourceVersion });
        }
        limit.signal.throwIfAborted();
        advance({ type: "ended", early: clock.monotonic() - begun < SHORT_WATCH_MS });
      } finally {
        limit.release();
        limit.abort();
        await overdue;
      }
    };
    while (!signal.aborted) {
      try {
        switch (command.do) {
          case "list":
            advance(await list(signal));
            synced = true;
            ready();
            break;
          case "watch":
            await watch(command.resourceVersion);
            break;
          case "pause":
            await clock.sleep(backoffDelay(command.failures, PAUSE, random), signal);
            advance({ type: "paused" });
            break;
          case "continue":
            throw new Error(`unreachable: a watch of ${name} left off without an end`);
        }
      } catch (reason) {
        if (signal.aborted) return;
        report(log, state, reason);
        advance({ type: isExpired(reason) ? "expired" : "failed" });
      }
    }
  };

  return {
    name,
    resource,
    reader: store.reader,
    hasSynced: () => synced,
    index: (valuesOf) => store.index(valuesOf),
    onChange(listener) {
      for (const object of store.reader.list()) listener({ type: "added", key: keyOf(object), object });
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    run,
  };
}

function isExpired(reason: unknown): boolean {
  return hasReason(reason, "Expired", "Gone") || (reason instanceof StatusError && reason.code === 410);
}

function report(log: Log, state: WatchState, reason: unknown): void {
  const fields = { doing: state.at, error: messageOf(reason) };
  if (isExpired(reason)) log.debug("the version to watch from is gone, listing again", fields);
  else if (state.failures === 0) log.debug("watch or list failed, trying again", fields);
  else log.warn("watch or list keeps failing", { ...fields, failures: state.failures });
}

/** Nobody here reads them, and they are often the larger half of an object. */
function withoutManagedFields<T extends ApiObject>(object: T): T {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
