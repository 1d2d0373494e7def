import type { KindDefinition } from "../../api/kinds/definition.ts";
import { checkFields } from "../../api/schema/check-fields.ts";
import { normalize } from "../../api/schema/normalize.ts";
import { badRequest } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import { MalformedBody, parseBody } from "./body.ts";
import type { ParsedBody } from "./body.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";

export type DecodedKind = Pick<KindDefinition, "group" | "version" | "kind" | "schema">;

/** How much of a body is shown in an error. */
const SUMMARY_LENGTH = 30;

/**
 * Reads the body of a create or update: JSON or YAML into an object of the kind, unknown fields dropped.
 *
 * @param warn takes texts about unknown and duplicate fields when `validation` is Warn
 * @throws StatusError 400 with the position or the path of the field, 415 for other media types
 */
export function decodeObject(
  kind: DecodedKind,
  text: string,
  mediaType: string,
  validation: FieldValidation,
  warn: (text: string) => void,
): KubernetesObject {
  const { value, duplicates } = parseOrRefuse(kind, text, mediaType);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unrecognized(kind, `json: cannot unmarshal ${goTypeOf(value)} into Go value of type struct`, text);
  }
  const object = value as KubernetesObject;
  checkType(kind, object);
  return readFields(kind, object, duplicates, validation, warn);
}

/** The same for a value that is parsed already, such as the result of a patch. Throws StatusError 400. */
export function readFields(
  kind: DecodedKind,
  value: KubernetesObject,
  duplicates: readonly string[],
  validation: FieldValidation,
  warn: (text: string) => void,
): KubernetesObject {
  const { unknown, wrong } = checkFields(kind.schema, value);
  const [problem] = wrong;
  if (problem !== undefined) throw cannotBeHandled(kind, value, problem);
  const strict = [...unknown.map((path) => `unknown field ${JSON.stringify(path)}`), ...duplicates];
  if (validation === "Strict" && strict.length > 0) {
    throw cannotBeHandled(kind, value, `strict decoding error: ${strict.join(", ")}`);
  }
  if (validation === "Warn") for (const each of strict) warn(each);
  return normalize(kind.schema, value);
}

function parseOrRefuse(kind: DecodedKind, text: string, mediaType: string): ParsedBody {
  try {
    return parseBody(text, mediaType);
  } catch (reason) {
    if (!(reason instanceof MalformedBody)) throw reason;
    throw unrecognized(kind, `couldn't get version/kind; ${reason.message}`, text);
  }
}

/** Type information may be left out; when it is there it must be right. */
function checkType(kind: DecodedKind, value: KubernetesObject): void {
  const { apiVersion, kind: sentKind } = value;
  const expected = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
  const sentVersion = apiVersion === undefined || apiVersion === "" ? expected : apiVersion;
  if (sentKind !== undefined && sentKind !== "" && sentKind !== kind.kind) {
    const why = `no kind ${JSON.stringify(sentKind)} is registered for version ${JSON.stringify(sentVersion)} at this path`;
    throw cannotBeHandled(kind, value, why);
  }
  if (sentVersion !== expected) {
    throw badRequest(
      `the API version in the data (${sentVersion}) does not match the expected API version (${expected})`,
    );
  }
}

function cannotBeHandled(kind: DecodedKind, { kind: sent, apiVersion }: KubernetesObject, why: string): Error {
  const version = (apiVersion ?? kind.version).split("/").at(-1) ?? "";
  const name = typeof sent === "string" && sent !== "" ? sent : kind.kind;
  return badRequest(`${name} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: ${why}`);
}

function unrecognized(kind: DecodedKind, why: string, text: string): Error {
  const shown = text.length > SUMMARY_LENGTH ? `${text.slice(0, SUMMARY_LENGTH)} ...` : text;
  const summary = shown === "" ? "<empty>" : shown;
  return badRequest(`the object provided is unrecognized (must be of type ${kind.kind}): ${why} (${summary})`);
}

function goTypeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return value === null ? "null" : typeof value === "boolean" ? "bool" : typeof value;
}
