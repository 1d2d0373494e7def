import type { KindDefinition } from "../../api/kinds/definition.ts";
import { notFound } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import type { HttpResponse } from "../../ports/http.ts";
import { answer, encodedAnswer, success } from "../encoding/answer.ts";
import type { CompleteAnswer } from "../encoding/answer.ts";
import { mediaTypeOf, readText } from "../encoding/body.ts";
import { decodeObject } from "../encoding/decode-object.ts";
import { negotiate } from "../encoding/negotiation.ts";
import { apiVersionOf, viewFor } from "../encoding/object-view.ts";
import type { Aspect } from "../resources/aspects.ts";
import type { DeleteOptions } from "../resources/deletion.ts";
import { isReturnedWhenDeleted } from "../resources/kind-policies.ts";
import { checkNamespace } from "../resources/object-identity.ts";
import type { Written } from "../resources/registry.ts";
import type { WriteContext } from "../resources/write-context.ts";
import type { Entry } from "../storage/entry.ts";
import { entryKey } from "../storage/entry.ts";
import { readList, waitForRevision } from "./list.ts";
import { parseListOptions, parseRevision } from "./list-options.ts";
import { checkPatchType, preparePatch } from "./patch-body.ts";
import type { RequestScope, RestDeps } from "./request-scope.ts";
import { parseWriteOptions, readDeleteOptions } from "./write-options.ts";

/** How many deletes of one deletecollection are under way at a time. */
const DELETE_WORKERS = 16;

/** GET on one object. */
export async function handleGet(deps: RestDeps, { context, kind }: RequestScope): Promise<HttpResponse> {
  const { storage, clock } = deps;
  const { request, info } = context;
  const format = negotiate(request, { transforms: ["Table", "PartialObjectMetadata"], stream: false });
  const view = viewFor(kind, format, request.query);
  // Nothing older than what the client has seen elsewhere.
  await waitForRevision(deps, parseRevision(request.query.get("resourceVersion") ?? ""), context.signal);
  const entry = storage.collection(kind).get(entryKey(kind.namespaced ? info.namespace : "", info.name));
  if (entry === undefined) throw notFound(kind, info.name);
  return encodedAnswer(200, view.single(entry, clock.now()), format);
}

/** POST on a collection. */
export async function handleCreate(deps: RestDeps, scope: RequestScope): Promise<HttpResponse> {
  const { context, kind, warn } = scope;
  const { request, info } = context;
  const answerWith = answererFor(deps, scope);
  const options = parseWriteOptions(request.query, "CreateOptions");
  const object = decodeObject(kind, await readText(request), mediaTypeOf(request), options.fieldValidation, warn);
  checkNamespace(kind, info.namespace, object.metadata);
  const writer = writerOf(deps, scope, options.dryRun);
  const { entry } = await deps.registry.create(kind, info.namespace, withSingleOwners(object, warn), writer);
  return answerWith(201, entry);
}

/** PUT on one object or on its status. */
export async function handleUpdate(deps: RestDeps, scope: RequestScope, aspect: Aspect): Promise<HttpResponse> {
  const { context, kind, warn } = scope;
  const { request, info } = context;
  const answerWith = answererFor(deps, scope);
  const options = parseWriteOptions(request.query, "UpdateOptions");
  const object = withSingleOwners(
    decodeObject(kind, await readText(request), mediaTypeOf(request), options.fieldValidation, warn),
    warn,
  );
  const written = await deps.registry.update(
    kind,
    info.namespace,
    info.name,
    { aspect, apply: () => object },
    writerOf(deps, scope, options.dryRun),
  );
  return answerWith(written.outcome === "created" ? 201 : 200, written.entry);
}

/** PATCH on one object or on its status. */
export async function handlePatch(deps: RestDeps, scope: RequestScope, aspect: Aspect): Promise<HttpResponse> {
  const { context, kind } = scope;
  const { request, info } = context;
  const answerWith = answererFor(deps, scope);
  const mediaType = mediaTypeOf(request);
  checkPatchType(mediaType);
  const text = await readText(request);
  const options = parseWriteOptions(request.query, "PatchOptions");
  const patch = preparePatch(kind, text, mediaType, options.fieldValidation);
  const written = await deps.registry.update(
    kind,
    info.namespace,
    info.name,
    {
      aspect,
      apply: (current) => {
        if (current === undefined) throw notFound(kind, info.name);
        return withSingleOwners(patch(current, scope.warn), scope.warn);
      },
    },
    writerOf(deps, scope, options.dryRun),
  );
  return answerWith(200, written.entry);
}

/** DELETE on one object. */
export async function handleDelete(deps: RestDeps, scope: RequestScope): Promise<HttpResponse> {
  const { context, kind } = scope;
  const { request, info } = context;
  const format = negotiate(request, { transforms: ["Table", "PartialObjectMetadata"], stream: false });
  const options = await readDeleteOptions(request);
  const writer = writerOf(deps, scope, options.dryRun);
  const written = await deps.registry.delete(kind, info.namespace, info.name, options, writer);
  const waits = written.outcome === "marked";
  if (waits || isReturnedWhenDeleted(kind)) {
    const status = waits && options.orphanDependents === false ? 202 : 200;
    return encodedAnswer(status, viewFor(kind, format, request.query).single(written.entry, deps.clock.now()), format);
  }
  return answer(200, deletedStatus(kind, written), { ...format, pretty: format.pretty });
}

function deletedStatus(kind: KindDefinition, { entry }: Written): unknown {
  const { name, uid } = entry.object.metadata ?? {};
  return success({
    ...(name !== undefined && { name }),
    ...(kind.group !== "" && { group: kind.group }),
    kind: kind.resource,
    ...(uid !== undefined && { uid }),
  });
}

/** DELETE on a collection: everything selected, one after the other; what is gone already does not matter. */
export async function handleDeleteCollection(deps: RestDeps, scope: RequestScope): Promise<HttpResponse> {
  const { context, kind } = scope;
  const { request, info, signal } = context;
  const format = negotiate(request, { transforms: [], stream: false });
  const listOptions = parseListOptions(request.query, kind, info.name, false);
  const options = await readDeleteOptions(request);
  const { listed } = await readList(deps, kind, info, listOptions, signal);
  await deleteAll(deps, kind, listed.entries, options, writerOf(deps, scope, options.dryRun), signal);
  const items = listed.entries.map(({ object }) => {
    const { kind: _, apiVersion: __, ...item } = object;
    return item;
  });
  const metadata = { resourceVersion: String(deps.storage.revision()) };
  return answer(200, { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata, items }, format);
}

async function deleteAll(
  deps: RestDeps,
  kind: KindDefinition,
  entries: readonly Entry[],
  options: DeleteOptions,
  writer: WriteContext,
  signal: AbortSignal,
): Promise<void> {
  const remaining = entries.values();
  const work = async (): Promise<void> => {
    for (const { object } of remaining) {
      signal.throwIfAborted();
      const { namespace = "", name = "" } = object.metadata ?? {};
      try {
        await deps.registry.delete(kind, namespace, name, options, writer);
      } catch (reason) {
        if (!isNotFound(reason)) throw reason;
      }
    }
  };
  await Promise.all(Array.from({ length: DELETE_WORKERS }, work));
}

function isNotFound(reason: unknown): boolean {
  return reason instanceof Error && "reason" in reason && reason.reason === "NotFound";
}

export function writerOf({ admission }: RestDeps, { context, warn }: RequestScope, dryRun: boolean): WriteContext {
  const { user, annotate } = context;
  return { user, dryRun, admission, warn, ...(annotate !== undefined && { annotate }) };
}

/** Negotiates before anything is written: a client that can not read the answer changes nothing. */
function answererFor(
  { clock }: RestDeps,
  { context, kind }: RequestScope,
): (status: number, entry: Entry) => CompleteAnswer {
  const format = negotiate(context.request, { transforms: ["Table", "PartialObjectMetadata"], stream: false });
  const view = viewFor(kind, format, context.request.query);
  return (status, entry) => encodedAnswer(status, view.single(entry, clock.now()), format);
}

/** An owner named twice counts once. */
function withSingleOwners(object: KubernetesObject, warn: (text: string) => void): KubernetesObject {
  const owners = object.metadata?.ownerReferences ?? [];
  if (owners.length < 2) return object;
  const seen = new Set<string>();
  const duplicates: string[] = [];
  const single = owners.filter((owner) => {
    const key = JSON.stringify(owner);
    if (seen.has(key)) {
      duplicates.push(owner.uid);
      return false;
    }
    seen.add(key);
    return true;
  });
  if (duplicates.length === 0) return object;
  warn(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${duplicates.join(", ")}`,
  );
  return { ...object, metadata: { ...object.metadata, ownerReferences: single } };
}
