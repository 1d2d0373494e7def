import jsonPatchLibrary, { JsonPatchError } from "fast-json-patch";
import type { Operation } from "fast-json-patch";
import { invalidValue } from "../../api/field-error.ts";
import {
  badRequest,
  internalError,
  invalid,
  requestEntityTooLarge,
  StatusError,
  unsupportedMediaType,
} from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import { mergePatch } from "../../core/patch/merge-patch.ts";
import { PatchError, strategicMergePatch } from "../../core/patch/strategic-merge.ts";
import type { JsonObject } from "../../core/patch/json-value.ts";
import { MalformedBody, MAX_BODY_BYTES, parseJson } from "../encoding/body.ts";
import { readFields } from "../encoding/decode-object.ts";
import type { DecodedKind, FieldValidation } from "../encoding/decode-object.ts";

const MAX_OPERATIONS = 10_000;
/** Three times the largest body. */
const MAX_COPIED_CHARACTERS = 3 * MAX_BODY_BYTES;
const OPERATIONS: ReadonlySet<string> = new Set(["add", "remove", "replace", "move", "copy", "test"]);

/** A patch that was read; applying it to the newest version may be tried again and again. */
export type PreparedPatch = (current: KubernetesObject, warn: (text: string) => void) => KubernetesObject;

type PatchReader = (kind: DecodedKind, patch: ParsedPatch, validation: FieldValidation) => PreparedPatch;

const READERS: ReadonlyMap<string, PatchReader> = new Map([
  ["application/json-patch+json", jsonPatch],
  ["application/merge-patch+json", preparedMergePatch],
  ["application/strategic-merge-patch+json", strategicPatch],
]);

/** Throws StatusError 415 for other media types, server-side apply among them. */
export function checkPatchType(mediaType: string): PatchReader {
  const reader = READERS.get(mediaType);
  if (reader !== undefined) return reader;
  const accepted = [...READERS.keys()].join(", ");
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
  );
}

/**
 * Reads a patch of any of the three kinds.
 *
 * @throws StatusError 400 for what is no patch, 415 for other media types
 */
export function preparePatch(
  kind: DecodedKind,
  text: string,
  mediaType: string,
  validation: FieldValidation,
): PreparedPatch {
  return checkPatchType(mediaType)(kind, parse(text), validation);
}

interface ParsedPatch {
  readonly value: unknown;
  readonly duplicates: readonly string[];
}

function parse(text: string): ParsedPatch {
  try {
    return parseJson(text);
  } catch (reason) {
    if (reason instanceof MalformedBody) throw badRequest(`error decoding patch: ${reason.message}`);
    throw reason;
  }
}

function jsonPatch(kind: DecodedKind, { value, duplicates }: ParsedPatch, validation: FieldValidation): PreparedPatch {
  if (!Array.isArray(value)) {
    throw badRequest(
      "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    );
  }
  if (value.length > MAX_OPERATIONS) {
    throw requestEntityTooLarge(
      `Request entity too large: The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${value.length}`,
    );
  }
  const operations = value.map(readOperation);
  const strict = duplicates.map((each) => `json patch ${each}`);
  return (current, warn) =>
    readPatched(kind, applyOperations(structuredClone(current), operations), strict, validation, warn);
}

/** Throws StatusError 422 for an operation that does not fit, and when copying makes the object grow without measure. */
function applyOperations(document: unknown, operations: readonly Operation[]): unknown {
  let result = document;
  let copied = 0;
  for (const operation of operations) {
    try {
      if (operation.op === "copy") {
        const source: unknown = jsonPatchLibrary.getValueByPointer(result, operation.from);
        copied += JSON.stringify(source ?? null).length;
      }
      if (copied <= MAX_COPIED_CHARACTERS) {
        result = jsonPatchLibrary.applyOperation(result, structuredClone(operation), true, true).newDocument;
      }
    } catch (reason) {
      throw unprocessable(operationProblem(operation, reason));
    }
    if (copied > MAX_COPIED_CHARACTERS) {
      const growth = `the accumulated size increase of copy operations is ${copied}`;
      throw unprocessable(`Unable to copy, ${growth}, exceeding the limit ${MAX_COPIED_CHARACTERS}`);
    }
  }
  return result;
}

function readOperation(value: unknown): Operation {
  const { op, path } = (value ?? {}) as { readonly op?: unknown; readonly path?: unknown };
  if (typeof op !== "string" || !OPERATIONS.has(op)) throw badRequest(`Unexpected kind: ${String(op)}`);
  if (typeof path !== "string") throw badRequest(`${op} operation failed to decode path: missing value`);
  if (/(?:^|\/)(?:__proto__|constructor\/prototype)(?:\/|$)/.test(path)) {
    throw badRequest(`${op} operation does not apply: the path ${JSON.stringify(path)} is not allowed`);
  }
  return value as Operation;
}

function operationProblem({ op, path }: Operation, reason: unknown): string {
  const name = reason instanceof JsonPatchError ? reason.name : "OPERATION_PATH_UNRESOLVABLE";
  if (name === "TEST_OPERATION_FAILED") return `testing value ${path} failed: test failed`;
  if (/UNRESOLVABLE|CANNOT_ADD/.test(name)) {
    return `${op} operation does not apply: doc is missing path: "${path}": missing value`;
  }
  return `${op} operation does not apply: ${name.toLowerCase().replaceAll("_", " ")} at "${path}"`;
}

function preparedMergePatch(
  kind: DecodedKind,
  { value, duplicates }: ParsedPatch,
  validation: FieldValidation,
): PreparedPatch {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badRequest("Invalid JSON Patch");
  return (current, warn) => {
    return readPatched(kind, mergePatch(current, value), duplicates, validation, warn);
  };
}

function strategicPatch(
  kind: DecodedKind,
  { value, duplicates }: ParsedPatch,
  validation: FieldValidation,
): PreparedPatch {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest("json: cannot unmarshal array into Go value of type map[string]interface {}");
  }
  return (current, warn) => {
    let patched: JsonObject;
    try {
      patched = strategicMergePatch(current, value as JsonObject, kind.schema);
    } catch (reason) {
      if (!(reason instanceof PatchError)) throw reason;
      if (reason.reason === "format") throw badRequest(reason.message);
      if (reason.reason === "unknown-field") throw unprocessable(reason.message);
      throw internalError(reason);
    }
    return readPatched(kind, patched, duplicates, validation, warn);
  };
}

/** The result of a patch must be an object of the kind; what is wrong with it is the fault of the patch. */
function readPatched(
  kind: DecodedKind,
  patched: unknown,
  duplicates: readonly string[],
  validation: FieldValidation,
  warn: (text: string) => void,
): KubernetesObject {
  try {
    if (typeof patched !== "object" || patched === null) throw badRequest("the patch leaves no object");
    return readFields(kind, patched as KubernetesObject, duplicates, validation, warn);
  } catch (reason) {
    if (!(reason instanceof StatusError) || reason.code !== 400) throw reason;
    const problem = reason.message.replace(/^.*? cannot be handled as a [^:]+: /, "");
    throw invalid({ group: "", kind: "" }, "", [invalidValue("patch", JSON.stringify(patched), problem)]);
  }
}

function unprocessable(message: string): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "the server rejected our request due to an error in our request",
    reason: "Invalid",
    details: { causes: [{ reason: "UnexpectedServerResponse", message }] },
    code: 422,
  });
}
