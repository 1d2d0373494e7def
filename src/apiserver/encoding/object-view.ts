import type { KindDefinition } from "../../api/kinds/definition.ts";
import { badRequest } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import type { Entry } from "../storage/entry.ts";
import { concatenate, encodeText } from "./answer.ts";
import type { OutputFormat } from "./negotiation.ts";

/** metav1.ListMeta as it is on the wire. */
export interface ListMetadata {
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** How objects of one kind look to one client: as they are, as table rows, or only their metadata. */
export interface ObjectView {
  /** Distinguishes views whose encoded forms must not be mixed up. */
  readonly key: string;
  /** One object by itself, as JSON. */
  single(entry: Entry, now: number): Uint8Array;
  /** A list of them. */
  list(entries: readonly Entry[], metadata: ListMetadata, now: number): readonly Uint8Array[];
  /** One object inside a watch event; `first` of that watch. */
  event(entry: Entry, now: number, first: boolean): Uint8Array;
  /** The object of a bookmark. */
  bookmark(metadata: KubernetesObject["metadata"]): Uint8Array;
}

const COMMA = encodeText(",");
const END_OF_LIST = encodeText("]}");
const OPEN = encodeText("{");

type ViewedKind = Pick<KindDefinition, "group" | "version" | "kind" | "table">;

/** @throws StatusError 400 for a bad includeObject */
export function viewFor(kind: ViewedKind, format: OutputFormat, query: URLSearchParams): ObjectView {
  const { transform } = format;
  if (transform === undefined) return plainView(kind);
  const apiVersion = `meta.k8s.io/${transform.version}`;
  return transform.kind === "Table" ? tableView(kind, apiVersion, includeObjectOf(query)) : partialView(apiVersion);
}

function plainView(kind: ViewedKind): ObjectView {
  const apiVersion = apiVersionOf(kind);
  const prefix = encodeText(`{${JSON.stringify({ kind: kind.kind, apiVersion }).slice(1, -1)},`);
  return {
    key: "plain",
    single: (entry) => entry.bytes,
    event: (entry) => entry.bytes,
    list: (entries, metadata) =>
      listOf({ kind: `${kind.kind}List`, apiVersion, metadata }, "items", entries, ({ bytes }) =>
        withoutPrefix(bytes, prefix),
      ),
    bookmark: (metadata) => encodeText(JSON.stringify({ kind: kind.kind, apiVersion, metadata })),
  };
}

/** Items of a list say nothing about their type: the list does. */
function withoutPrefix(bytes: Uint8Array, prefix: Uint8Array): readonly Uint8Array[] {
  for (let index = 0; index < prefix.length; index++) if (bytes[index] !== prefix[index]) return [bytes];
  return [OPEN, bytes.subarray(prefix.length)];
}

function partialView(apiVersion: string): ObjectView {
  const partial = ({ object }: Entry): unknown => ({
    kind: "PartialObjectMetadata",
    apiVersion,
    metadata: object.metadata,
  });
  const encoded = (entry: Entry): Uint8Array => encodeText(JSON.stringify(partial(entry)));
  return {
    key: `partial ${apiVersion}`,
    single: encoded,
    event: encoded,
    list: (entries, metadata) =>
      listOf({ kind: "PartialObjectMetadataList", apiVersion, metadata }, "items", entries, (entry) => [
        encodeText(JSON.stringify({ metadata: entry.object.metadata })),
      ]),
    bookmark: (metadata) => encodeText(JSON.stringify({ kind: "PartialObjectMetadata", apiVersion, metadata })),
  };
}

type IncludeObject = "None" | "Metadata" | "Object";

function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get("includeObject") ?? "";
  if (value === "") return "Metadata";
  if (value === "None" || value === "Metadata" || value === "Object") return value;
  throw badRequest(
    `includeObject: Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

function tableView({ table }: ViewedKind, apiVersion: string, include: IncludeObject): ObjectView {
  const columnDefinitions = table.columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format: format ?? "",
    description,
    priority,
  }));
  const objectOf = ({ object }: Entry): unknown => {
    if (include === "None") return undefined;
    return include === "Object" ? object : { kind: "PartialObjectMetadata", apiVersion, metadata: object.metadata };
  };
  const row = (entry: Entry, now: number): unknown => ({
    cells: table.cells(entry.object, now),
    object: objectOf(entry),
  });
  const whole = (metadata: ListMetadata, rows: readonly unknown[], columns: unknown): Uint8Array =>
    encodeText(JSON.stringify({ kind: "Table", apiVersion, metadata, columnDefinitions: columns, rows }));
  const single = (entry: Entry, now: number): Uint8Array =>
    whole({ resourceVersion: String(entry.revision) }, [row(entry, now)], columnDefinitions);
  return {
    key: `table ${apiVersion} ${include}`,
    single,
    event: (entry, now, first) =>
      first ? single(entry, now) : whole({ resourceVersion: String(entry.revision) }, [row(entry, now)], null),
    list: (entries, metadata, now) =>
      listOf({ kind: "Table", apiVersion, metadata, columnDefinitions }, "rows", entries, (entry) => [
        encodeText(JSON.stringify(row(entry, now))),
      ]),
    bookmark: (metadata) => whole({ resourceVersion: metadata?.resourceVersion ?? "" }, [], null),
  };
}

/** Pieces of a list, to be written one after the other. */
function listOf(
  head: object,
  field: string,
  entries: readonly Entry[],
  item: (entry: Entry) => readonly Uint8Array[],
): readonly Uint8Array[] {
  const parts = [encodeText(`${JSON.stringify(head).slice(0, -1)},"${field}":[`)];
  for (const [index, entry] of entries.entries()) {
    if (index > 0) parts.push(COMMA);
    parts.push(...item(entry));
  }
  parts.push(END_OF_LIST);
  return parts;
}

export function apiVersionOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === "" ? version : `${group}/${version}`;
}

/** One line of a watch. */
export function watchFrame(type: string, object: Uint8Array): Uint8Array {
  return concatenate([encodeText(`{"type":"${type}","object":`), object, encodeText("}\n")]);
}
