import { forbiddenField, invalidValue, notSupported, required } from "../../api/field-error.ts";
import { badRequest, type FieldError } from "../../api/status-error.ts";
import { flag, integer } from "./parameters.ts";

/** PodLogOptions of a request. */
export interface LogOptions {
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly sinceSeconds?: bigint;
  /** RFC 3339, in seconds. */
  readonly sinceTime?: string;
  readonly tailLines?: bigint;
  readonly limitBytes?: bigint;
  readonly stream?: string;
  readonly skipVerification: boolean;
}

const STREAMS = ["All", "Stderr", "Stdout"];
const TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function parseTime(query: URLSearchParams): string | undefined {
  const text = query.get("sinceTime");
  if (text === null || text === "" || text === "null") return undefined;
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    const quotedText = JSON.stringify(text);
    throw badRequest(`parsing time ${quotedText} as "2006-01-02T15:04:05Z07:00": cannot parse ${quotedText}`);
  }
  return new Date(time).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** Reads the parameters. Throws StatusError 400 for what does not parse. */
export function parseLogOptions(query: URLSearchParams, splitStreams: boolean): LogOptions {
  const sinceSeconds = integer(query, "sinceSeconds");
  const tailLines = integer(query, "tailLines");
  const limitBytes = integer(query, "limitBytes");
  const sinceTime = parseTime(query);
  const stream = query.get("stream") ?? (splitStreams ? "All" : undefined);
  return {
    container: query.get("container") ?? "",
    follow: flag(query, "follow"),
    previous: flag(query, "previous"),
    timestamps: flag(query, "timestamps"),
    skipVerification: flag(query, "insecureSkipTLSVerifyBackend"),
    ...(sinceSeconds !== undefined && { sinceSeconds }),
    ...(sinceTime !== undefined && { sinceTime }),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(stream !== undefined && { stream }),
  };
}

/** What is wrong with them. `splitStreams` is gate PodLogsQuerySplitStreams. */
export function validateLogOptions(options: LogOptions, splitStreams: boolean): readonly FieldError[] {
  const { tailLines, limitBytes, sinceSeconds, sinceTime, stream } = options;
  const errors: FieldError[] = [];
  if (tailLines !== undefined && tailLines < 0n) {
    errors.push(invalidValue("tailLines", Number(tailLines), "must be greater than or equal to 0"));
  }
  if (limitBytes !== undefined && limitBytes < 1n) {
    errors.push(invalidValue("limitBytes", Number(limitBytes), "must be greater than 0"));
  }
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    errors.push(forbiddenField("", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  } else if (sinceSeconds !== undefined && sinceSeconds < 1n) {
    errors.push(invalidValue("sinceSeconds", Number(sinceSeconds), "must be greater than 0"));
  }
  if (!splitStreams) {
    if (stream !== undefined) errors.push(forbiddenField("stream", "may not be specified"));
  } else if (stream === undefined || stream === "") {
    errors.push(required("stream", "must be specified"));
  } else {
    if (!STREAMS.includes(stream)) errors.push(notSupported("stream", stream, STREAMS));
    if (stream !== "All" && tailLines !== undefined) {
      errors.push(forbiddenField("", "`tailLines` and specific `stream` are mutually exclusive for now"));
    }
  }
  return errors;
}

/** As the kubelet's parameters. */
export function logParameters(options: LogOptions): URLSearchParams {
  const parameters = new URLSearchParams();
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined) parameters.append(name, value);
  };
  add("follow", options.follow ? "true" : undefined);
  add("limitBytes", options.limitBytes?.toString());
  add("previous", options.previous ? "true" : undefined);
  add("sinceSeconds", options.sinceSeconds?.toString());
  add("sinceTime", options.sinceTime);
  add("stream", options.stream);
  add("tailLines", options.tailLines?.toString());
  add("timestamps", options.timestamps ? "true" : undefined);
  return parameters;
}
