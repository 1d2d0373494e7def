import { modelOf } from "../../api/schema/model.ts";
import type { FieldType } from "../../api/schema/model.ts";
import { patchMetadataOf } from "../../api/schema/patch-metadata.ts";
import type { PatchMetadata } from "../../api/schema/patch-metadata.ts";
import { orderLike } from "./element-order.ts";
import { goKind, goValue, isJsonObject, setKey } from "./json-value.ts";
import type { JsonObject } from "./json-value.ts";

/** The patch is not a strategic merge patch for this object. `reason` tells which answer it deserves. */
export class PatchError extends Error {
  override readonly name = "PatchError";
  /** "format": the patch is malformed (400); "failed": it does not fit the object (500 upstream, 422 for unknown fields). */
  readonly reason: "format" | "unknown-field" | "failed";

  constructor(reason: "format" | "unknown-field" | "failed", message: string) {
    super(message);
    this.reason = reason;
  }
}

const DIRECTIVE = "$patch";
const RETAIN_KEYS = "$retainKeys";
const DELETE_FROM = "$deleteFromPrimitiveList";
const ELEMENT_ORDER = "$setElementOrder";

const NO_METADATA: PatchMetadata = { mergeKey: undefined, retainKeys: false, replace: false };

/**
 * Applies a strategic merge patch. Lists that the schema knows by a merge key are merged entry by entry; $patch,
 * $retainKeys, $deleteFromPrimitiveList/… and $setElementOrder/… directives are honoured. Neither argument is changed.
 *
 * @param schema name of the model, e.g. "V1Pod"
 * @throws PatchError
 */
export function strategicMergePatch(original: JsonObject, patch: JsonObject, schema: string): JsonObject {
  return mergeObject(original, patch, { type: "model", of: schema });
}

function mergeObject(original: JsonObject, patch: JsonObject, type: FieldType | undefined): JsonObject {
  const directive = patch[DIRECTIVE];
  if (Object.hasOwn(patch, DIRECTIVE)) return applyDirective(directive, patch);
  const result: Record<string, unknown> = { ...original };
  dropUnretained(result, patch);
  const ordered = mergeOrderedLists(result, patch, type);
  for (const [name, value] of Object.entries(patch)) {
    if (name === RETAIN_KEYS || name.startsWith(ELEMENT_ORDER) || ordered.has(name)) continue;
    if (name.startsWith(DELETE_FROM)) deleteFromList(result, name, value);
    else mergeField(result, name, value, type);
  }
  return result;
}

function applyDirective(directive: unknown, patch: JsonObject): JsonObject {
  if (directive === "delete") return {};
  if (directive !== "replace") {
    throw new PatchError("format", `unknown patch type: ${goValue(directive)} in map: ${goValue(patch)}`);
  }
  const { [DIRECTIVE]: _, ...rest } = patch;
  return rest;
}

/** $retainKeys: what the list does not name goes. */
function dropUnretained(target: Record<string, unknown>, patch: JsonObject): void {
  const retained = patch[RETAIN_KEYS];
  if (retained === undefined) return;
  const bad = new PatchError("format", "invalid patch format of retainKeys");
  if (!Array.isArray(retained)) throw bad;
  const names = new Set<unknown>(retained);
  for (const [name, value] of Object.entries(patch)) {
    const directive = name === RETAIN_KEYS || name.startsWith(DELETE_FROM) || name.startsWith(ELEMENT_ORDER);
    if (value !== null && !directive && !names.has(name)) throw bad;
  }
  for (const name of Object.keys(target)) if (!names.has(name)) delete target[name];
}

/** $setElementOrder/…: merges the list it names, then orders it. Returns the names that are dealt with. */
function mergeOrderedLists(
  target: Record<string, unknown>,
  patch: JsonObject,
  type: FieldType | undefined,
): ReadonlySet<string> {
  const done = new Set<string>();
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith(ELEMENT_ORDER)) continue;
    const name = nameAfter(directive, ELEMENT_ORDER, "setElementOrder");
    const wanted = asList(order);
    const { metadata, element } = lookUp(type, name);
    const old = target[name] === undefined ? undefined : asList(target[name]);
    const patched = patch[name] === undefined ? undefined : asList(patch[name]);
    checkOrder(patched ?? [], wanted, metadata.mergeKey ?? "");
    done.add(name);
    if (old === undefined && patched === undefined) continue;
    const merged =
      patched === undefined
        ? (old ?? [])
        : old === undefined
          ? (withoutDirectives(patched) as readonly unknown[])
          : mergeList(old, patched, metadata, element);
    setKey(target, name, orderLike(merged, wanted, old ?? [], metadata.mergeKey ?? ""));
  }
  return done;
}

/** The entries of the patch must stand in the order that $setElementOrder asks for. */
function checkOrder(patched: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (order.length === 0) return;
  const entries = patched.filter((entry) => !(isJsonObject(entry) && Object.hasOwn(entry, DIRECTIVE)));
  let at = 0;
  for (const wanted of order) {
    const entry = entries[at];
    if (at < entries.length && keyOf(entry, mergeKey) === keyOf(wanted, mergeKey)) at += 1;
  }
  if (at < entries.length) {
    throw new PatchError(
      "failed",
      `The order in patch list:\n${goValue(patched)}\n doesn't match ${ELEMENT_ORDER} list:\n${goValue(order)}\n`,
    );
  }
}

function deleteFromList(target: Record<string, unknown>, directive: string, value: unknown): void {
  const name = nameAfter(directive, DELETE_FROM, "primitive");
  const current = target[name];
  if (value === null) delete target[name];
  if (current === undefined || !Array.isArray(current) || !Array.isArray(value)) return;
  const gone = new Set<unknown>(value);
  setKey(
    target,
    name,
    current.filter((entry) => !gone.has(entry)),
  );
}

function mergeField(target: Record<string, unknown>, name: string, value: unknown, type: FieldType | undefined): void {
  if (value === null) {
    delete target[name];
    return;
  }
  const current = Object.hasOwn(target, name) ? target[name] : undefined;
  if (isJsonObject(current) && isJsonObject(value)) {
    const { metadata, element } = lookUp(type, name);
    setKey(target, name, metadata.replace ? value : mergeObject(current, value, element));
    return;
  }
  if (Array.isArray(current) && Array.isArray(value)) {
    const { metadata, element } = lookUp(type, name);
    setKey(target, name, mergeList(current, value, metadata, element));
    return;
  }
  if (isJsonObject(value) && Object.hasOwn(value, DIRECTIVE)) delete target[name];
  else setKey(target, name, withoutDirectives(withoutNulls(value)));
}

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  { mergeKey }: PatchMetadata,
  element: FieldType | undefined,
): readonly unknown[] {
  if (mergeKey === undefined) return patch;
  if (original.length === 0 && patch.length === 0) return original;
  checkSameKind([...original, ...patch]);
  if (!isJsonObject(original[0] ?? patch[0])) {
    const merged = [...new Set([...original, ...patch])];
    return orderLike(merged, patch, original, "");
  }
  if (mergeKey === "") throw new PatchError("failed", "cannot merge lists without merge key for struct");
  const { kept, changes } = takeDirectives(original as readonly JsonObject[], patch as readonly JsonObject[], mergeKey);
  const merged = [...kept];
  for (const change of changes) {
    const key = keyOf(change, mergeKey);
    const index = merged.findIndex((entry) => entry[mergeKey] === key);
    const found = merged[index];
    if (found === undefined) merged.push(change);
    else merged[index] = mergeObject(found, change, element);
  }
  return orderLike(merged, changes, kept, mergeKey);
}

/** $patch: delete removes entries, $patch: replace makes the rest of the patch the whole list. */
function takeDirectives(
  original: readonly JsonObject[],
  patch: readonly JsonObject[],
  mergeKey: string,
): { readonly kept: readonly JsonObject[]; readonly changes: readonly JsonObject[] } {
  let kept = original;
  let replace = false;
  const changes: JsonObject[] = [];
  for (const entry of patch) {
    const directive = entry[DIRECTIVE];
    if (directive === undefined) changes.push(entry);
    else if (directive === "replace") replace = true;
    else if (directive === "delete") {
      const key = keyOf(entry, mergeKey);
      kept = kept.filter((old) => old[mergeKey] !== key);
    } else if (directive === "merge") {
      throw new PatchError("failed", "merging lists cannot yet be specified in the patch");
    } else throw new PatchError("format", `unknown patch type: ${goValue(directive)} in map: ${goValue(entry)}`);
  }
  return replace ? { kept: changes, changes: [] } : { kept, changes };
}

function keyOf(entry: unknown, mergeKey: string): unknown {
  if (mergeKey === "") return entry;
  if (!isJsonObject(entry)) throw new PatchError("failed", `expected a map, but received a ${goKind(entry)}`);
  const key = entry[mergeKey];
  if (key === undefined) {
    throw new PatchError("failed", `map: ${goValue(entry)} does not contain declared merge key: ${mergeKey}`);
  }
  return key;
}

function checkSameKind(entries: readonly unknown[]): void {
  const [first] = entries.map(goKind);
  for (const entry of entries) {
    const kind = goKind(entry);
    if (kind === "slice") throw new PatchError("failed", "lists of lists are not supported");
    if (kind !== first) {
      throw new PatchError("failed", `list element types are not identical: ${first ?? "nil"}, ${kind}`);
    }
  }
}

/** How the schema treats a field; what it knows nothing about can not be merged, only set. */
function lookUp(
  type: FieldType | undefined,
  name: string,
): { readonly metadata: PatchMetadata; readonly element: FieldType | undefined } {
  if (type === undefined || (type.type === "scalar" && type.of === "any")) {
    return { metadata: NO_METADATA, element: undefined };
  }
  if (type.type === "map") return { metadata: NO_METADATA, element: type.of };
  if (type.type !== "model") {
    throw new PatchError(
      "unknown-field",
      `unable to find api field in struct ${type.type} for the json field "${name}"`,
    );
  }
  const model = modelOf(type.of);
  const field = model.fields.get(name);
  if (field === undefined) {
    throw new PatchError(
      "unknown-field",
      `unable to find api field in struct ${model.goName} for the json field "${name}"`,
    );
  }
  return {
    metadata: patchMetadataOf(type.of, name),
    element: field.type.type === "list" ? field.type.of : field.type,
  };
}

function nameAfter(directive: string, prefix: string, what: string): string {
  if (!directive.startsWith(`${prefix}/`)) throw new PatchError("format", `invalid patch format of ${what} list`);
  return directive.slice(prefix.length + 1);
}

function asList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new PatchError("failed", `expected a slice, but received a ${goKind(value)}`);
  return value;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) if (field !== null) setKey(result, name, withoutNulls(field));
  return result;
}

/** Drops objects that are directives, at any depth below `value`. */
function withoutDirectives(value: unknown): unknown {
  const isDirective = (entry: unknown): boolean => isJsonObject(entry) && Object.hasOwn(entry, DIRECTIVE);
  if (Array.isArray(value)) return value.filter((entry) => !isDirective(entry)).map(withoutDirectives);
  if (!isJsonObject(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    if (!isDirective(field)) setKey(result, name, withoutDirectives(field));
  }
  return result;
}
