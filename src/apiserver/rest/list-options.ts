import { forbiddenField, notSupported } from "../../api/field-error.ts";
import { badRequest, invalid } from "../../api/status-error.ts";
import type { FieldError } from "../../api/status-error.ts";
import type { KindDefinition } from "../../api/kinds/definition.ts";
import { normalize } from "../../api/schema/normalize.ts";
import { isTrue } from "../request-info.ts";
import { matchesFields, parseFieldSelector, unsupportedField } from "../../api/field-selector.ts";
import { matchesLabels, parseLabelSelector, SelectorError } from "../../api/label-selector.ts";
import type { Entry } from "../storage/entry.ts";

export interface ListOptions {
  /** Absent: everything matches. */
  readonly matches?: (entry: Entry) => boolean;
  /** "" is "the newest". */
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly limit: number;
  readonly continueToken: string;
  /** Seconds; undefined when not given. */
  readonly timeoutSeconds?: number;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents?: boolean;
}

/**
 * Reads the query of a list, watch or deletecollection.
 *
 * @param name the one object asked for, "" for all
 * @throws StatusError 400 or 422
 */
export function parseListOptions(
  query: URLSearchParams,
  kind: KindDefinition,
  name: string,
  isWatch: boolean,
): ListOptions {
  const matches = matcher(query, kind, name);
  const timeoutSeconds = integer(query, "timeoutSeconds");
  const sendInitialEvents = query.has("sendInitialEvents") ? isTrue(query, "sendInitialEvents") : undefined;
  const options: ListOptions = {
    ...(matches !== undefined && { matches }),
    resourceVersion: query.get("resourceVersion") ?? "",
    resourceVersionMatch: query.get("resourceVersionMatch") ?? "",
    limit: integer(query, "limit") ?? 0,
    continueToken: query.get("continue") ?? "",
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    allowWatchBookmarks: isTrue(query, "allowWatchBookmarks"),
    ...(sendInitialEvents !== undefined && { sendInitialEvents }),
  };
  const problems = isWatch ? watchProblems(options) : listProblems(options);
  if (problems.length > 0) throw invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", problems);
  return options;
}

/** A resource version as a number; "" and "0" are 0. Throws StatusError 400. */
export function parseRevision(text: string): number {
  if (text === "") return 0;
  const revision = /^\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(revision)) return revision;
  throw badRequest(
    `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function matcher(query: URLSearchParams, kind: KindDefinition, name: string): ListOptions["matches"] {
  try {
    const labels = parseLabelSelector(query.get("labelSelector") ?? "");
    const requirements = parseFieldSelector(query.get("fieldSelector") ?? "");
    const refusal = unsupportedField(requirements, kind.selectableFields(normalize(kind.schema, { metadata: {} })));
    if (refusal !== undefined) throw badRequest(refusal);
    const fields = requirements.filter(({ field }) => field !== "metadata.name" || name === "");
    if (labels.length === 0 && fields.length === 0 && name === "") return undefined;
    return ({ object }) =>
      (name === "" || object.metadata?.name === name) &&
      (labels.length === 0 || matchesLabels(labels, object.metadata?.labels)) &&
      (fields.length === 0 || matchesFields(fields, kind.selectableFields(object)));
  } catch (reason) {
    if (reason instanceof SelectorError) throw badRequest(reason.message);
    throw reason;
  }
}

function integer(query: URLSearchParams, parameter: string): number | undefined {
  const text = query.get(parameter);
  if (text === null || text === "") return undefined;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw badRequest(`${parameter}: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

const MATCH = "resourceVersionMatch";

function listProblems(options: ListOptions): readonly FieldError[] {
  const { resourceVersionMatch: match } = options;
  const errors: FieldError[] = [];
  if (match !== "") {
    if (options.resourceVersion === "") {
      errors.push(forbiddenField(MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
    }
    if (options.continueToken !== "") {
      errors.push(forbiddenField(MATCH, "resourceVersionMatch is forbidden when continue is provided"));
    }
    if (match !== "Exact" && match !== "NotOlderThan") {
      errors.push(notSupported(MATCH, match, ["Exact", "NotOlderThan", ""]));
    }
    if (match === "Exact" && options.resourceVersion === "0") {
      errors.push(forbiddenField(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (options.sendInitialEvents !== undefined) {
    errors.push(forbiddenField("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  return errors;
}

function watchProblems(options: ListOptions): readonly FieldError[] {
  const { resourceVersionMatch: match } = options;
  const errors: FieldError[] = [];
  if (options.sendInitialEvents !== undefined && match !== "NotOlderThan") {
    errors.push(forbiddenField(MATCH, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  }
  if (match === "") return errors;
  if (options.sendInitialEvents === undefined) {
    errors.push(
      forbiddenField(MATCH, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"),
    );
  }
  if (match !== "NotOlderThan") errors.push(notSupported(MATCH, match, ["NotOlderThan"]));
  if (options.continueToken !== "") {
    errors.push(forbiddenField(MATCH, "resourceVersionMatch is forbidden when continue is provided"));
  }
  return errors;
}
