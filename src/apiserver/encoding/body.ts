import { LineCounter, parseDocument } from "yaml";
import { badRequest, requestEntityTooLarge, unsupportedMediaType } from "../../api/status-error.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { HttpRequest } from "../../ports/http.ts";
import { positionOf, scanJson } from "./json-scan.ts";

/** The largest body of a request, in bytes. */
export const MAX_BODY_BYTES = 3 * 2 ** 20;

/** A body as it was sent. */
export interface ParsedBody {
  readonly value: unknown;
  /** `duplicate field "spec.x"`, or the same in the words of the YAML decoder. */
  readonly duplicates: readonly string[];
}

/** The text is neither JSON nor YAML; the message says why and where. */
export class MalformedBody extends Error {
  override readonly name = "MalformedBody";
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads the whole body. Throws StatusError 413 when it is too long, 400 when it is not UTF-8. */
export async function readText(request: HttpRequest): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await request.body(MAX_BODY_BYTES);
  } catch (reason) {
    if (reason instanceof OrlopError && reason.code === "ResourceExhausted") {
      throw requestEntityTooLarge(`Request entity too large: limit is ${MAX_BODY_BYTES}`);
    }
    throw reason;
  }
  try {
    return decoder.decode(bytes);
  } catch {
    throw badRequest("the body of the request is not valid UTF-8");
  }
}

/** Media type of the body without parameters; JSON when there is none. */
export function mediaTypeOf(request: HttpRequest): string {
  const [type = ""] = (request.headers["content-type"] ?? "").split(";");
  return type.trim().toLowerCase() || "application/json";
}

/** Throws StatusError 415 for a body that is neither JSON nor YAML. @throws MalformedBody */
export function parseBody(text: string, mediaType: string): ParsedBody {
  if (mediaType === "application/json") return parseJson(text);
  if (mediaType === "application/yaml") return parseYaml(text);
  throw unsupportedMediaType(
    "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  );
}

/** @throws MalformedBody */
export function parseJson(text: string): ParsedBody {
  const { problem, duplicates } = scanJson(text);
  if (problem !== undefined) {
    const { line, column } = positionOf(text, problem.offset);
    throw new MalformedBody(`json parse error: ${problem.message} (line ${line}, column ${column})`);
  }
  return { value: JSON.parse(text), duplicates: duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`) };
}

/** YAML with the booleans of YAML 1.1 (yes, no, on, off), as Kubernetes reads it. */
function parseYaml(text: string): ParsedBody {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.1",
    merge: true,
    prettyErrors: false,
    lineCounter: lines,
    customTags: (tags) => tags.filter((tag) => typeof tag === "string" || !SURPRISING.has(nameOf(tag))),
  });
  const duplicates: string[] = [];
  for (const error of document.errors) {
    const { line, col } = lines.linePos(error.pos[0]);
    if (error.code === "DUPLICATE_KEY")
      duplicates.push(`line ${line}: key ${keyAt(text, error.pos[0])} already set in map`);
    else throw new MalformedBody(`yaml: line ${line}, column ${col}: ${error.message}`);
  }
  try {
    return { value: document.toJS({ maxAliasCount: 100 }), duplicates };
  } catch (reason) {
    throw new MalformedBody(`yaml: ${reason instanceof Error ? reason.message : String(reason)}`, { cause: reason });
  }
}

/** Scalars that YAML 1.1 reads as dates or base-60 numbers, and Kubernetes does not. */
const SURPRISING: ReadonlySet<string> = new Set(["tag:yaml.org,2002:timestamp", "TIME"]);

function nameOf(tag: { readonly tag?: string; readonly format?: string | undefined }): string {
  return tag.format === "TIME" ? "TIME" : (tag.tag ?? "");
}

function keyAt(text: string, offset: number): string {
  const [key = ""] = /^[^:\n]*/.exec(text.slice(offset)) ?? [];
  return JSON.stringify(key.trim().replaceAll(/^["']|["']$/g, ""));
}
