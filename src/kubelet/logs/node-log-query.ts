import { invalidValue, required, tooMany } from "../../api/field-error.ts";
import type { FieldError } from "../../api/status-error.ts";
import { parseTime } from "../../api/rfc3339.ts";
import { messageOf } from "../../lib/orlop-error.ts";

/** A query for logs of the node (KEP-2258), parsed. Times in milliseconds since the epoch. */
export interface NodeLogQuery {
  readonly services: readonly string[];
  readonly files: readonly string[];
  readonly options: NodeLogOptions;
}

export interface NodeLogOptions {
  readonly sinceTime?: number;
  readonly untilTime?: number;
  readonly tailLines?: number;
  readonly boot?: number;
  readonly pattern?: string;
}

export type ParsedNodeLogQuery =
  | { readonly type: "query"; readonly query: NodeLogQuery }
  /** Values that are no values: 400. */
  | { readonly type: "malformed"; readonly errors: readonly FieldError[] }
  /** Values that do not go together: 406. */
  | { readonly type: "refused"; readonly errors: readonly FieldError[] };

const MOST_SERVICES = 4;
const LONGEST_SERVICE = 256;
const MOST_LINES = 100_000;
const SERVICE = /^[A-Za-z0-9_.@:-]+$/;

/** Reads and checks the parameters. Whether a named file exists is for whoever opens it. */
export function parseNodeLogQuery(parameters: URLSearchParams): ParsedNodeLogQuery {
  const queries = parameters.getAll("query");
  const files = queries.filter((query) => /[/\\]/.test(query));
  const services = queries.filter((query) => !/[/\\]/.test(query) && query.trim() !== "");
  const errors: FieldError[] = [];
  if (queries.length > 0 && files.length === 0 && services.length === 0) {
    errors.push(invalidValue("query", queries, "query cannot be empty"));
  }
  const options = {
    ...timeOf(parameters, "sinceTime", errors),
    ...timeOf(parameters, "untilTime", errors),
    ...integerOf(parameters, "boot", errors),
    ...integerOf(parameters, "tailLines", errors),
    ...patternOf(parameters),
  };
  if (errors.length > 0) return { type: "malformed", errors };
  const query = { services, files, options };
  const refused = problemsOf(query);
  return refused.length > 0 ? { type: "refused", errors: refused } : { type: "query", query };
}

function timeOf(parameters: URLSearchParams, name: "sinceTime" | "untilTime", errors: FieldError[]) {
  const text = parameters.get(name) ?? "";
  if (text === "") return {};
  const time = parseTime(text);
  if (time === undefined) {
    errors.push(invalidValue(name, text, "invalid time format"));
    return {};
  }
  return { [name]: time.seconds * 1_000 + Math.floor(time.nanoseconds / 1_000_000) };
}

function integerOf(parameters: URLSearchParams, name: "boot" | "tailLines", errors: FieldError[]) {
  const text = parameters.get(name) ?? "";
  if (text === "") return {};
  if (!/^[+-]?\d{1,15}$/.test(text)) {
    errors.push(invalidValue(name, text, `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`));
    return {};
  }
  return { [name]: Number(text) };
}

function patternOf(parameters: URLSearchParams) {
  const pattern = parameters.get("pattern") ?? "";
  return pattern === "" ? {} : { pattern };
}

function problemsOf({ services, files, options }: NodeLogQuery): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const service of services) {
    if (service.length > LONGEST_SERVICE) {
      errors.push(invalidValue("query", service, `length must be less than ${LONGEST_SERVICE}`));
    } else if (!SERVICE.test(service)) {
      errors.push(invalidValue("query", service, "input contains unsupported characters"));
    }
  }
  if (services.length > MOST_SERVICES) errors.push(tooMany("query", services.length, MOST_SERVICES));
  const { sinceTime, untilTime, boot, tailLines, pattern } = options;
  const hasOptions = Object.keys(options).length > 0;
  if (files.length === 0 && services.length === 0 && hasOptions) {
    errors.push(required("query", "cannot be empty with options"));
  } else if (files.length > 0 && services.length > 0) {
    errors.push(invalidValue("query", [...files, ...services].join(", "), "cannot specify a file and service"));
  } else if (files.length > 1) {
    errors.push(invalidValue("query", files, "cannot specify more than one file"));
  } else if (files.length === 1 && hasOptions) {
    errors.push(invalidValue("query", files, "cannot specify file with options"));
  }
  if (sinceTime !== undefined && untilTime !== undefined && sinceTime > untilTime) {
    errors.push(invalidValue("untilTime", new Date(untilTime).toISOString(), "must be after `sinceTime`"));
  }
  if (boot !== undefined && boot > 0) errors.push(invalidValue("boot", boot, "must be less than 1"));
  if (tailLines !== undefined && (tailLines < 0 || tailLines > MOST_LINES)) {
    errors.push(invalidValue("tailLines", tailLines, `must be between 0 and ${MOST_LINES}, inclusive`));
  }
  if (pattern !== undefined) {
    try {
      "".search(withoutFlagGroups(pattern));
    } catch (reason) {
      errors.push(invalidValue("pattern", pattern, messageOf(reason)));
    }
  }
  return errors;
}

/**
 * The same pattern without what Go's syntax and the journal's (PCRE) have and JavaScript's has not: `(?i)`, `(?i:...)` and
 * `(?P<name>...)`. Good for finding out whether a pattern can be read, not for matching with it.
 */
function withoutFlagGroups(pattern: string): string {
  return pattern
    .replace(/\\.|\(\?P</gs, (found) => (found === "(?P<" ? "(?<" : found))
    .replace(/\\.|\(\?[imsU]*(?:-[imsU]+)?([:)])/gs, (found, end?: string) => {
      if (end === undefined) return found;
      return end === ":" ? "(?:" : "";
    });
}
