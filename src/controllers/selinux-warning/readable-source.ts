import { StatusError } from "../../api/status-error.ts";
import type { ListOptions, ListResult, WatchEvent, WatchOptions } from "../../machinery/cluster-client.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { createInformer, type Informer, type InformerDeps } from "../../machinery/informer.ts";
import { resourceName, type ApiObject, type Resource } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";

/** A collection that may be denied: then it stays empty, or as it was, and says so. */
export interface ReadableSource<T extends ApiObject> {
  readonly informer: Informer<T>;
  /** What keeps it from being read completely; undefined when all is in. */
  problem(): SourceProblem | undefined;
  /** Ready with the first list, or with the first refusal. */
  readonly unit: Unit;
}

export interface SourceProblem {
  /** e.g. "persistentvolumes" or "csidrivers.storage.k8s.io" */
  readonly resource: string;
  /** For people, with the right that is missing. */
  readonly text: string;
}

export interface SourceOptions<T extends ApiObject> {
  readonly resource: Resource<T>;
  /** What to keep of each object. */
  readonly keep: (object: T) => T;
}

/** Servers that send bookmarks do so about every minute; a watch without a word for so long may be dead. */
const SILENT_MS = 180_000;
/** A watch without any event that ends sooner was none. */
const AT_ONCE_MS = 1_000;

/** An informer that goes on asking, and whose failures to list and watch are known, answers without sense included. */
export function createReadableSource<T extends ApiObject>(
  deps: InformerDeps,
  { resource: source, keep }: SourceOptions<T>,
): ReadableSource<T> {
  const name = resourceName(source);
  let failure: unknown;
  let watchFailure: unknown;
  /** When the watch that goes on was last heard of, by the monotonic clock. */
  let heardAt: number | undefined;
  let sendsBookmarks = false;
  let answered = (): void => undefined;
  const read = (object: T): T => {
    // Without these no two objects could be told apart.
    const { name: own, uid } = object.metadata ?? {};
    if (typeof own !== "string" || typeof uid !== "string") {
      throw new OrlopError("Unavailable", `one of ${name} has no name or no UID`);
    }
    return keep(object);
  };
  const list = async (select: ListOptions, signal: AbortSignal): Promise<ListResult<T>> => {
    try {
      const { metadata, items } = await deps.client.list(source, select, signal);
      const page = { metadata, items: items.map(read) };
      failure = undefined;
      watchFailure = undefined;
      return page;
    } catch (reason) {
      if (!signal.aborted) {
        const first = failure === undefined;
        failure = reason;
        if (first && isRefusal(reason)) deps.log.warn(describe(name, reason), { resource: name });
        if (isRefusal(reason)) answered();
      }
      throw reason;
    }
  };
  async function* watch(select: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const begun = deps.clock.monotonic();
    let isSilent = true;
    heardAt = begun;
    const onAccepted = (): void => {
      watchFailure = undefined;
    };
    try {
      for await (const { type, object } of deps.client.watch(source, { ...select, onAccepted }, signal)) {
        isSilent = false;
        heardAt = deps.clock.monotonic();
        sendsBookmarks ||= type === "BOOKMARK";
        yield { type, object: type === "BOOKMARK" ? object : read(object) };
      }
      if (isSilent && deps.clock.monotonic() - begun < AT_ONCE_MS) {
        throw new OrlopError("Unavailable", "the watch ended as soon as it began");
      }
    } catch (reason) {
      // A version that is too old is ordinary: the informer lists again.
      if (!signal.aborted && !(reason instanceof StatusError && reason.code === 410)) watchFailure = reason;
      throw reason;
    } finally {
      heardAt = undefined;
    }
  }
  const isStale = (): boolean =>
    sendsBookmarks && heardAt !== undefined && deps.clock.monotonic() - heardAt > SILENT_MS;
  const informer = createInformer(deps, { resource: source, keep: (object) => object }, { list, watch });
  return {
    informer,
    problem: () => {
      if (failure !== undefined) return { resource: name, text: describe(name, failure) };
      if (watchFailure !== undefined) return { resource: name, text: describe(name, watchFailure, "watched") };
      if (isStale()) return { resource: name, text: `${name} may have changed unseen: the watch has gone silent` };
      return informer.hasSynced() ? undefined : { resource: name, text: `${name} were not read yet` };
    },
    unit: {
      name: informer.name,
      run(signal, ready) {
        answered = ready;
        return informer.run(signal, ready);
      },
    },
  };
}

function isRefusal(reason: unknown): boolean {
  return reason instanceof StatusError && (reason.code === 401 || reason.code === 403 || reason.code === 404);
}

function describe(resource: string, reason: unknown, what: "listed" | "watched" = "listed"): string {
  if (reason instanceof StatusError && reason.code === 403) {
    return `the right to list and watch ${resource} is missing: ${reason.message}`;
  }
  return `${resource} can not be ${what}: ${messageOf(reason)}`;
}
