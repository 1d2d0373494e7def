import { isMap, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from "yaml";
import { messageOf } from "../../lib/orlop-error.ts";

/** One object, unpacked from lists. */
export interface ManifestDocument {
  readonly value: unknown;
  readonly file: string;
  readonly line: number;
  readonly ruleLines?: readonly number[];
}

export interface ManifestProblem {
  readonly severity: "error" | "warning";
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Objects of a text with YAML documents or JSON, each with its line. A document that can not be read is named. */
export function* documentsOf(
  text: string,
  file: string,
): Generator<ManifestDocument | ManifestProblem, void, undefined> {
  if (/^\s*\{/.test(text)) {
    try {
      yield* unpackedJson(JSON.parse(text), file, 1);
      return;
    } catch {
      // Several JSON documents one after the other, as kubectl reads them, or YAML that begins with a brace.
    }
    if (yield* fromJsonPieces(text, file)) return;
  }
  for (const { content, line } of piecesOf(text)) yield* fromYaml(content, file, line);
}

interface Piece {
  readonly content: string;
  /** Lines before it. */
  readonly line: number;
}

/** Cut at the document markers, so that what is broken in one document stays there. */
function* piecesOf(text: string): Generator<Piece, void, undefined> {
  let lines: string[] = [];
  let start = 0;
  let at = 0;
  for (const line of text.split("\n")) {
    at += 1;
    if (line.startsWith("---") && /^---(\s|$)/.test(line)) {
      // With its last line end: without it a carriage return before it would belong to the text.
      yield { content: `${lines.join("\n")}\n`, line: start };
      const rest = line.slice(3).trim();
      lines = [rest.startsWith("#") ? "" : rest];
      start = at - 1;
      continue;
    }
    lines.push(line);
  }
  yield { content: lines.join("\n"), line: start };
}

/**
 * JSON documents one after the other. What follows the first that is no JSON is left as a piece of YAML, which names
 * the fault.
 *
 * @returns false, and nothing before it, when already the first is none
 */
function* fromJsonPieces(
  text: string,
  file: string,
): Generator<ManifestDocument | ManifestProblem, boolean, undefined> {
  let line = 0;
  let rest = text;
  while (rest.trim() !== "") {
    const content = rest.slice(0, endOfJson(rest));
    let value: unknown;
    try {
      value = JSON.parse(content);
    } catch {
      if (rest === text) return false;
      yield* fromYaml(rest, file, line);
      return true;
    }
    line += content.split("\n").length - content.trimStart().split("\n").length;
    yield* unpackedJson(value, file, line + 1);
    line += content.trimStart().split("\n").length - 1;
    rest = rest.slice(content.length);
  }
  return true;
}

/** Where the first object or list of a text ends. */
function endOfJson(text: string): number | undefined {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:\\.|[^"\\])*"|[{}[\]]/gs)) {
    if (token === "{" || token === "[") depth += 1;
    if (token === "}" || token === "]") depth -= 1;
    if (depth === 0) return index + token.length;
  }
  return undefined;
}

function* fromYaml(
  content: string,
  file: string,
  before: number,
): Generator<ManifestDocument | ManifestProblem, void, undefined> {
  if (content.split("\n").every((line) => /^\s*(#|%|$)/.test(line))) return;
  let lineCounter = new LineCounter();
  const lineOf = (offset: number | undefined): number =>
    before + (offset === undefined ? 1 : lineCounter.linePos(offset).line);
  const broken = (line: number, message: string): ManifestProblem => ({
    severity: "error",
    file,
    line,
    message: content.includes("{{")
      ? `not YAML, it looks like a Helm template that was not rendered (use helm template): ${message}`
      : `not YAML: ${message}`,
  });
  try {
    const parsed = parseAsKubectl(content);
    lineCounter = parsed.lineCounter;
    const { document } = parsed;
    const [problem] = document.errors;
    if (problem !== undefined) {
      yield broken(lineOf(problem.pos[0]), problem.message);
      return;
    }
    const { contents } = document;
    if (contents === null) return;
    const value: unknown = document.toJS();
    const first = lineOf(firstOffset(contents));
    if (isList(value) && isMap(contents)) {
      const items = contents.get("items", true);
      for (const [index, item] of value.items.entries()) {
        const node = isSeq(items) ? items.items[index] : undefined;
        yield located(inherited(item, value), file, isMap(node) ? node : undefined, lineOf, first);
      }
      return;
    }
    yield located(value, file, isMap(contents) ? contents : undefined, lineOf, first);
  } catch (reason) {
    yield broken(before + 1, messageOf(reason));
  }
}

interface Parsed {
  readonly document: ReturnType<typeof parseDocument>;
  readonly lineCounter: LineCounter;
}

/** More than any manifest has quoted texts with that fault. */
const MAXIMUM_REPAIRS = 50;
const UNCLOSED = /^Missing closing (["'])quote/;

/** As kubectl reads: the last of two equal keys counts, `<<` merges, and quoted texts may go on without indentation. */
function parseAsKubectl(content: string): Parsed {
  let text = content;
  for (let repairs = 0; ; repairs += 1) {
    const lineCounter = new LineCounter();
    const document = parseDocument(text, {
      lineCounter,
      merge: true,
      uniqueKeys: false,
      logLevel: "error",
      prettyErrors: false,
    });
    const unclosed = document.errors.find(({ message }) => UNCLOSED.test(message));
    const repaired =
      unclosed === undefined || repairs >= MAXIMUM_REPAIRS ? undefined : withIndentedText(text, unclosed);
    if (repaired === undefined) return { document, lineCounter };
    text = repaired;
  }
}

/** Indentation inside a quoted text means nothing, so adding to it changes neither the text nor the count of lines. */
function withIndentedText(
  text: string,
  { message, pos }: { readonly message: string; readonly pos: readonly [number, number] },
): string | undefined {
  const quote = UNCLOSED.exec(message)?.[1];
  if (quote === undefined) return undefined;
  let start = text.lastIndexOf(quote, pos[0] - 1);
  // A quote inside the text is not where it begins.
  while (start > 0 && !/[\s,:[{-]/.test(text.charAt(start - 1))) start = text.lastIndexOf(quote, start - 1);
  if (start < 0) return undefined;
  const closing = quote === "'" ? /(?:''|[^'])*'/y : /(?:\\[\s\S]|[^"\\])*"/y;
  closing.lastIndex = start + 1;
  const [inside] = closing.exec(text) ?? [];
  if (inside === undefined || !inside.includes("\n")) return undefined;
  const indent = " ".repeat(start - text.lastIndexOf("\n", start) + 1);
  const rest = start + 1 + inside.length;
  return `${text.slice(0, start + 1)}${inside.replaceAll("\n", `\n${indent}`)}${text.slice(rest)}`;
}

function firstOffset(node: Node): number | undefined {
  return node.range?.[0];
}

function located(
  value: unknown,
  file: string,
  node: YAMLMap | undefined,
  lineOf: (offset: number | undefined) => number,
  fallback: number,
): ManifestDocument {
  const rules = node?.get("rules", true);
  const line = node === undefined ? fallback : lineOf(firstOffset(node));
  if (!isSeq(rules)) return { value, file, line };
  const ruleLines = rules.items.map((rule) => lineOf(isMap(rule) ? firstOffset(rule) : undefined));
  return { value, file, line, ruleLines };
}

interface ListValue {
  readonly kind: string;
  readonly apiVersion?: unknown;
  readonly items: readonly unknown[];
}

function isList(value: unknown): value is ListValue {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    typeof value.kind === "string" &&
    value.kind.endsWith("List") &&
    "items" in value &&
    Array.isArray(value.items)
  );
}

/** Items of a ClusterRoleList carry neither kind nor apiVersion when they come from an API server. */
function inherited(item: unknown, list: ListValue): unknown {
  if (typeof item !== "object" || item === null || Array.isArray(item) || "kind" in item || list.kind === "List")
    return item;
  return { apiVersion: list.apiVersion, kind: list.kind.slice(0, -"List".length), ...item };
}

function* unpackedJson(value: unknown, file: string, line: number): Generator<ManifestDocument, void, undefined> {
  if (!isList(value)) {
    yield { value, file, line };
    return;
  }
  for (const item of value.items) yield { value: inherited(item, value), file, line };
}

/** A text inside an object, e.g. a configuration in a ConfigMap; undefined when it is no YAML. */
export function parseEmbedded(text: string): unknown {
  try {
    const document = parseDocument(text, { merge: true, uniqueKeys: false, logLevel: "error" });
    return document.errors.length > 0 ? undefined : document.toJS();
  } catch {
    return undefined;
  }
}
