import { badRequest, expired, StatusError } from "../../api/status-error.ts";
import type { Status } from "../../api/types.ts";
import type { BodyWriter, HttpResponse } from "../../ports/http.ts";
import { concatenate, encodedAnswer } from "../encoding/answer.ts";
import { negotiate } from "../encoding/negotiation.ts";
import { viewFor } from "../encoding/object-view.ts";
import type { ListMetadata } from "../encoding/object-view.ts";
import type { ListedEntries } from "../storage/collection.ts";
import { decodeContinue, encodeContinue } from "./continue-token.ts";
import { parseListOptions, parseRevision } from "./list-options.ts";
import type { ListOptions } from "./list-options.ts";
import type { RequestScope, RestDeps } from "./request-scope.ts";
import type { KindDefinition } from "../../api/kinds/definition.ts";

/** How long a read waits for a revision that is not there yet. */
const PATIENCE_MS = 3_000;
/** Longer bodies are sent piece by piece. */
const STREAM_ABOVE_BYTES = 512 * 1024;

const TOO_OLD = "The resourceVersion for the provided list is too old.";
const CONTINUE_TOO_OLD =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
  "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
  "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
  "deleted between the time the first chunk was returned and now may show up in the list.";

/** GET on a collection. */
export async function handleList(deps: RestDeps, { context, kind }: RequestScope): Promise<HttpResponse> {
  const { request, info } = context;
  const format = negotiate(request, { transforms: ["Table", "PartialObjectMetadataList"], stream: false });
  const view = viewFor(kind, format, request.query);
  const options = parseListOptions(request.query, kind, info.name, false);
  const { listed, revision } = await readList(deps, kind, info, options, context.signal);
  const parts = view.list(listed.entries, listMetadata(listed, revision, info.namespace), deps.clock.now());
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size <= STREAM_ABOVE_BYTES || format.encoding !== "json" || format.pretty) {
    return encodedAnswer(200, concatenate(parts), format);
  }
  return { status: 200, headers: { "Content-Type": "application/json" }, body: (writer) => writeParts(parts, writer) };
}

/** Where a list or watch looks: a namespace ("" for all), and the one name if only that is asked for. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
}

function namespacePrefix(namespace: string): string {
  return namespace === "" ? "" : `${namespace}/`;
}

/** What the keys there begin with; other keys may begin so too. */
export function keyPrefix({ namespaced }: KindDefinition, { namespace, name }: Place): string {
  if (!namespaced) return name;
  return namespace === "" ? "" : `${namespacePrefix(namespace)}${name}`;
}

/** What a list selects, and the revision it shows. Throws StatusError. */
export async function readList(
  deps: Pick<RestDeps, "storage" | "clock">,
  kind: KindDefinition,
  place: Place,
  options: ListOptions,
  signal: AbortSignal,
): Promise<{ readonly listed: ListedEntries; readonly revision: number }> {
  const { storage } = deps;
  const collection = storage.collection(kind);
  const prefix = namespacePrefix(place.namespace);
  const selection = {
    prefix: keyPrefix(kind, place),
    ...(options.limit > 0 && { limit: options.limit }),
    ...(options.matches !== undefined && { matches: options.matches }),
  };
  if (options.continueToken !== "") {
    if (options.resourceVersion !== "" && options.resourceVersion !== "0") {
      throw badRequest("specifying resource version is not allowed when using continue");
    }
    const token = decodeContinue(options.continueToken);
    const at = token.revision < 0 ? undefined : token.revision;
    const listed = collection.list({ ...selection, after: `${prefix}${token.after}` }, at);
    if (listed === undefined) throw continueExpired(token.after);
    return { listed, revision: at ?? storage.revision() };
  }
  const revision = parseRevision(options.resourceVersion);
  if (revision > 0) await waitForRevision(deps, revision, signal);
  const exact = options.resourceVersionMatch === "Exact" || (options.resourceVersionMatch === "" && options.limit > 0);
  if (revision === 0 || !exact) return { listed: listNow(collection.list(selection)), revision: storage.revision() };
  const listed = collection.list(selection, revision);
  if (listed === undefined) throw expired(TOO_OLD);
  return { listed, revision };
}

/** Throws StatusError 504 when the revision stays in the future. */
export async function waitForRevision(
  { storage, clock }: Pick<RestDeps, "storage" | "clock">,
  revision: number,
  signal: AbortSignal,
): Promise<void> {
  if (storage.revision() >= revision) return;
  const patience = new AbortController();
  const stop = (): void => patience.abort();
  signal.addEventListener("abort", stop, { once: true });
  const sleeping = clock.sleep(PATIENCE_MS, patience.signal).then(stop, () => undefined);
  await storage.reached(revision, patience.signal);
  signal.removeEventListener("abort", stop);
  patience.abort();
  await sleeping;
  if (storage.revision() < revision) throw tooLargeRevision(revision, storage.revision());
}

function tooLargeRevision(revision: number, current: number): StatusError {
  return new StatusError(
    {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: `Timeout: Too large resource version: ${revision}, current: ${current}`,
      reason: "Timeout",
      details: {
        causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
        retryAfterSeconds: 1,
      },
      code: 504,
    },
    { headers: { "Retry-After": "1" } },
  );
}

function continueExpired(after: string): StatusError {
  const { status } = expired(CONTINUE_TOO_OLD);
  const metadata: ListMetadata = { continue: encodeContinue({ revision: -1, after }) };
  return new StatusError({ ...status, metadata: metadata as NonNullable<Status["metadata"]> });
}

function listNow(listed: ListedEntries | undefined): ListedEntries {
  return listed ?? { entries: [] };
}

function listMetadata({ last, remaining }: ListedEntries, revision: number, namespace: string): ListMetadata {
  const prefixLength = namespacePrefix(namespace).length;
  return {
    resourceVersion: String(revision),
    ...(last !== undefined && { continue: encodeContinue({ revision, after: last.slice(prefixLength) }) }),
    ...(remaining !== undefined && { remainingItemCount: remaining }),
  };
}

async function writeParts(parts: readonly Uint8Array[], writer: BodyWriter): Promise<void> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for (const part of parts) {
    pending.push(part);
    size += part.length;
    if (size < 64 * 1024) continue;
    await writer.write(concatenate(pending));
    pending = [];
    size = 0;
  }
  if (size > 0) await writer.write(concatenate(pending));
}
