import { failed, ok, type Result } from "../../lib/result.ts";

/** PodLogOptions as a query gives them. */
export interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** Milliseconds since the epoch; entries before are left out. */
  readonly since?: number;
  /** Last so many lines only. */
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly stream: "All" | "Stdout" | "Stderr";
}

export type LogOptionsProblem =
  | { readonly problem: "undecodable" }
  | { readonly problem: "invalid" }
  | { readonly problem: "stream-not-enabled"; readonly stream: string };

export interface LogOptionsContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Gate PodLogsQuerySplitStreams. */
  readonly splitStreams: boolean;
}

const INTEGER = /^[+-]?\d+$/;

/** Reads the query of /containerLogs. The old `tail` wins over tailLines; `tail=all` takes it away. */
export function parseLogOptions(
  query: URLSearchParams,
  context: LogOptionsContext,
): Result<LogOptions, LogOptionsProblem> {
  const tail = query.get("tail") ?? "";
  const tailText = tail === "" ? query.get("tailLines") : tail === "all" ? null : tail;
  const numbers = [tailText, query.get("limitBytes"), query.get("sinceSeconds")].map(parseInteger);
  const sinceTime = parseTime(query.get("sinceTime"));
  if (numbers.includes("bad") || sinceTime === "bad") return failed({ problem: "undecodable" });
  const [tailLines, limitBytes, sinceSeconds] = numbers as readonly (number | undefined)[];
  const stream = query.get("stream");
  const invalid =
    (tailLines !== undefined && tailLines < 0) ||
    (limitBytes !== undefined && limitBytes < 1) ||
    (sinceSeconds !== undefined && (sinceSeconds < 1 || sinceTime !== undefined)) ||
    (stream !== null && stream !== "All" && stream !== "Stdout" && stream !== "Stderr") ||
    (tailLines !== undefined && stream !== null && stream !== "All");
  if (invalid) return failed({ problem: "invalid" });
  if (stream !== null && stream !== "All" && !context.splitStreams)
    return failed({ problem: "stream-not-enabled", stream });
  const since = sinceSeconds === undefined ? sinceTime : context.now - sinceSeconds * 1_000;
  return ok({
    follow: parseFlag(query.get("follow")),
    previous: parseFlag(query.get("previous")),
    timestamps: parseFlag(query.get("timestamps")),
    ...(since !== undefined && { since }),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    stream: stream === "Stdout" || stream === "Stderr" ? stream : "All",
  });
}

/** As Kubernetes reads booleans in queries: everything but "false" and "0" is true. */
function parseFlag(text: string | null): boolean {
  return text !== null && text.toLowerCase() !== "false" && text !== "0";
}

function parseInteger(text: string | null): number | undefined | "bad" {
  if (text === null) return undefined;
  return INTEGER.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : "bad";
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

function parseTime(text: string | null): number | undefined | "bad" {
  if (text === null || text === "" || text === "null") return undefined;
  const time = RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? "bad" : time;
}
