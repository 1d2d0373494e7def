import { OrlopError } from "../lib/orlop-error.ts";
import type { ClusterRequest, ClusterResponse, ClusterTransport } from "../ports/cluster-transport.ts";
import { readAll, readJsonLines } from "./json-lines.ts";
import { linkAbort } from "./linked-abort.ts";
import { errorOfAnswer, errorOfStatus } from "./answer-error.ts";
import { collectionPath, itemPath, keyOfObject, query } from "./resource-path.ts";
import { apiVersionOf, type ApiObject, type ObjectKey, type PartialObject, type Resource } from "./resources.ts";

export interface ListMetadata {
  readonly resourceVersion?: string;
  /** Asks for the next page; absent or "" on the last one. */
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface ListResult<T> {
  readonly metadata: ListMetadata;
  readonly items: readonly T[];
}

export interface SelectOptions {
  /** Absent or "" for all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListOptions extends SelectOptions {
  /** At most so many items a page; `metadata.continue` of the answer asks for the next. */
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan";
}

export interface WatchOptions extends SelectOptions {
  readonly resourceVersion?: string;
  readonly allowWatchBookmarks?: boolean;
  /** The server ends the watch after about so long. */
  readonly timeoutSeconds?: number;
  /** Called when the server has accepted the watch; it may be long until the first event. */
  readonly onAccepted?: () => void;
}

/** ERROR events are thrown as StatusError instead. */
export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

export interface WriteOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
}

export interface PatchOptions extends WriteOptions {
  readonly subresource?: string;
}

/** "json" takes an array of operations, the others a partial object. */
export interface Patch {
  readonly type: "json" | "merge" | "strategic";
  readonly value: unknown;
}

export interface DeleteOptions {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly dryRun?: boolean;
}

/**
 * Typed access to any API server. An error the server answers with is thrown as StatusError, whatever the kind of answer;
 * failing to reach it as OrlopError Unavailable. Nothing is retried here. Objects come back as the server sent them.
 */
export interface ClusterClient {
  get<T extends ApiObject>(resource: Resource<T>, key: ObjectKey, signal: AbortSignal): Promise<T>;
  list<T extends ApiObject>(resource: Resource<T>, options: ListOptions, signal: AbortSignal): Promise<ListResult<T>>;
  /** Like list, but only metadata is asked for (a server that can not do that sends all). */
  listMetadata(resource: Resource, options: ListOptions, signal: AbortSignal): Promise<ListResult<PartialObject>>;
  /** Into the namespace its metadata names. Reviews are created too: the answer carries the status. */
  create<T extends ApiObject>(
    resource: Resource<T>,
    object: T,
    signal: AbortSignal,
    options?: WriteOptions,
  ): Promise<T>;
  /** Replaces the object; its resourceVersion, when given, must be the current one. */
  update<T extends ApiObject>(
    resource: Resource<T>,
    object: T,
    signal: AbortSignal,
    options?: WriteOptions,
  ): Promise<T>;
  updateStatus<T extends ApiObject>(
    resource: Resource<T>,
    object: T,
    signal: AbortSignal,
    options?: WriteOptions,
  ): Promise<T>;
  /** Like update, of a named subresource, e.g. "approval" or "finalize". */
  updateSubresource<T extends ApiObject>(
    resource: Resource<T>,
    subresource: string,
    object: T,
    signal: AbortSignal,
    options?: WriteOptions,
  ): Promise<T>;
  patch<T extends ApiObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: Patch,
    signal: AbortSignal,
    options?: PatchOptions,
  ): Promise<T>;
  delete(resource: Resource, key: ObjectKey, signal: AbortSignal, options?: DeleteOptions): Promise<void>;
  deleteCollection(
    resource: Resource,
    select: SelectOptions,
    signal: AbortSignal,
    options?: DeleteOptions,
  ): Promise<void>;
  /** Creates a subresource of an object: "token" of a service account, "binding" or "eviction" of a pod. */
  post<Answer>(
    resource: Resource,
    key: ObjectKey,
    subresource: string,
    body: ApiObject,
    signal: AbortSignal,
  ): Promise<Answer>;
  /** Ends when the server ends it. Stop early by aborting the signal or leaving the loop. */
  watch<T extends ApiObject>(
    resource: Resource<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>, void, undefined>;
  watchMetadata(
    resource: Resource,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<PartialObject>, void, undefined>;
  /** GET of any path that answers JSON: "/apis", "/api/v1", "/version". */
  getPath<Answer>(path: string, signal: AbortSignal): Promise<Answer>;
}

export interface ClusterClientDeps {
  readonly transport: ClusterTransport;
  /** e.g. "orlop/0.1.0 (linux/amd64) kubelet" */
  readonly userAgent: string;
}

export interface ClusterClientOptions {
  /** A longer answer is refused. @default 512 MiB */
  readonly maximumAnswerBytes?: number;
  /** A watch event longer than this ends the watch. @default 16 MiB */
  readonly maximumEventBytes?: number;
}

const PATCH_TYPES = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const;

const JSON_TYPE = "application/json";
const METADATA_LIST = `${JSON_TYPE};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,${JSON_TYPE}`;
const METADATA = `${JSON_TYPE};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,${JSON_TYPE}`;

export function createClusterClient(deps: ClusterClientDeps, options: ClusterClientOptions = {}): ClusterClient {
  const maximumAnswerBytes = options.maximumAnswerBytes ?? 512 * 2 ** 20;
  const maximumEventBytes = options.maximumEventBytes ?? 16 * 2 ** 20;

  const send = async (
    method: ClusterRequest["method"],
    path: string,
    signal: AbortSignal,
    body?: { readonly type: string; readonly value: unknown },
    accept: string = JSON_TYPE,
  ): Promise<ClusterResponse> => {
    const response = await deps.transport.send({
      method,
      path,
      signal,
      headers: {
        accept,
        "user-agent": deps.userAgent,
        ...(body !== undefined && { "content-type": body.type }),
      },
      ...(body !== undefined && { body: JSON.stringify(body.value) }),
    });
    if (response.status >= 400) {
      throw errorOfAnswer(method, path, response, await readAll(response.body, maximumAnswerBytes));
    }
    return response;
  };

  const call = async <Answer>(...parameters: Parameters<typeof send>): Promise<Answer> => {
    const [method, path] = parameters;
    const response = await send(...parameters);
    const bytes = await readAll(response.body, maximumAnswerBytes);
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as Answer;
    } catch (cause) {
      throw notAnswer(method, path, "something that is not JSON", cause);
    }
  };

  const json = (value: unknown): { readonly type: string; readonly value: unknown } => ({ type: JSON_TYPE, value });

  const put = <T extends ApiObject>(
    resource: Resource<T>,
    subresource: string,
    object: T,
    signal: AbortSignal,
    write: WriteOptions = {},
  ): Promise<T> =>
    call<T>(
      "PUT",
      itemPath(resource, keyOfObject(resource, object), subresource) + query(writeQuery(write)),
      signal,
      json(typed(resource, object)),
    );

  async function* watch<T extends ApiObject>(
    resource: Resource<T>,
    select: WatchOptions,
    signal: AbortSignal,
    accept: string,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const link = linkAbort(signal);
    const path =
      collectionPath(resource, select.namespace) +
      query({
        ...selectQuery(select),
        watch: "true",
        resourceVersion: select.resourceVersion,
        allowWatchBookmarks: select.allowWatchBookmarks === true ? "true" : undefined,
        timeoutSeconds: select.timeoutSeconds?.toString(),
      });
    try {
      const response = await send("GET", path, link.signal, undefined, accept);
      select.onAccepted?.();
      for await (const line of readJsonLines(response.body, maximumEventBytes)) {
        const { type, object } = (line ?? {}) as { readonly type?: unknown; readonly object?: unknown };
        if (type === "ERROR") throw errorOfStatus(object);
        if (!isEventType(type) || !isObject(object)) throw notAnswer("GET", path, "an event that is none");
        yield { type, object: object as T };
      }
    } finally {
      link.release();
      link.abort();
    }
  }

  const list = async <T extends ApiObject>(
    resource: Resource<T>,
    select: ListOptions,
    signal: AbortSignal,
    accept: string,
  ): Promise<ListResult<T>> => {
    const path =
      collectionPath(resource, select.namespace) +
      query({
        ...selectQuery(select),
        limit: select.limit?.toString(),
        continue: select.continue,
        resourceVersion: select.resourceVersion,
        resourceVersionMatch: select.resourceVersionMatch,
      });
    const answer: unknown = await call("GET", path, signal, undefined, accept);
    // Taken for an empty list, the answer of something that is no API server would mean that all is gone.
    if (!isList<T>(answer)) throw notAnswer("GET", path, "something that is not a list");
    return { metadata: answer.metadata, items: answer.items ?? [] };
  };

  return {
    get: (resource, key, signal) => call("GET", itemPath(resource, key), signal),
    list: (resource, select, signal) => list(resource, select, signal, JSON_TYPE),
    listMetadata: (resource, select, signal) => list(resource, select, signal, METADATA_LIST),
    create: (resource, object, signal, write = {}) =>
      call(
        "POST",
        collectionPath(resource, object.metadata?.namespace) + query(writeQuery(write)),
        signal,
        json(typed(resource, object)),
      ),
    update: (resource, object, signal, write) => put(resource, "", object, signal, write),
    updateStatus: (resource, object, signal, write) => put(resource, "status", object, signal, write),
    updateSubresource: (resource, subresource, object, signal, write) =>
      put(resource, subresource, object, signal, write),
    patch: (resource, key, { type, value }, signal, write = {}) =>
      call("PATCH", itemPath(resource, key, write.subresource) + query(writeQuery(write)), signal, {
        type: PATCH_TYPES[type],
        value,
      }),
    delete: (resource, key, signal, remove) =>
      call("DELETE", itemPath(resource, key), signal, deleteBody(remove)).then(() => undefined),
    deleteCollection: (resource, select, signal, remove) =>
      call(
        "DELETE",
        collectionPath(resource, select.namespace) + query(selectQuery(select)),
        signal,
        deleteBody(remove),
      ).then(() => undefined),
    post: (resource, key, subresource, body, signal) =>
      call("POST", itemPath(resource, key, subresource), signal, json(body)),
    watch: (resource, select, signal) => watch(resource, select, signal, JSON_TYPE),
    watchMetadata: (resource, select, signal) => watch(resource, select, signal, METADATA),
    getPath: (path, signal) => call("GET", path, signal),
  };
}

function notAnswer(method: string, path: string, what: string, cause?: unknown): OrlopError {
  return new OrlopError("Unavailable", `${method} ${path} was answered with ${what}`, { cause });
}

const EVENT_TYPES: ReadonlySet<unknown> = new Set(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]);

function isEventType(type: unknown): type is WatchEvent<ApiObject>["type"] {
  return EVENT_TYPES.has(type);
}

/** Go servers write an empty list as null. */
function isList<T>(
  answer: unknown,
): answer is { readonly metadata: ListMetadata; readonly items: readonly T[] | null } {
  if (typeof answer !== "object" || answer === null || !("metadata" in answer) || !("items" in answer)) return false;
  const { metadata, items } = answer;
  if (typeof metadata !== "object" || metadata === null) return false;
  return items === null || (Array.isArray(items) && items.every((item) => isObject(item)));
}

function isObject(value: unknown): value is ApiObject {
  if (typeof value !== "object" || value === null || !("metadata" in value)) return false;
  return typeof value.metadata === "object" && value.metadata !== null;
}

/** Objects out of lists carry no kind; writes need it. */
function typed<T extends ApiObject>(resource: Resource<T>, object: T): T {
  if (object.kind !== undefined && object.apiVersion !== undefined) return object;
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function selectQuery(select: SelectOptions): Readonly<Record<string, string | undefined>> {
  return {
    labelSelector: select.labelSelector === "" ? undefined : select.labelSelector,
    fieldSelector: select.fieldSelector === "" ? undefined : select.fieldSelector,
  };
}

function writeQuery(write: WriteOptions): Readonly<Record<string, string | undefined>> {
  return { fieldManager: write.fieldManager, dryRun: write.dryRun === true ? "All" : undefined };
}

function deleteBody(
  options: DeleteOptions | undefined,
): { readonly type: string; readonly value: unknown } | undefined {
  if (options === undefined) return undefined;
  const { dryRun, ...rest } = options;
  return {
    type: JSON_TYPE,
    value: { kind: "DeleteOptions", apiVersion: "v1", ...rest, ...(dryRun === true && { dryRun: ["All"] }) },
  };
}
