/** What went wrong, as a closed set callers may switch over. */
export type ErrorCode =
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "Forbidden"
  | "Unauthenticated"
  | "Invalid"
  | "Unsupported"
  | "ResourceExhausted"
  | "Unavailable"
  | "Timeout"
  | "Cancelled"
  | "Internal";

export interface OrlopErrorOptions {
  readonly cause?: unknown;
  /** Whether trying the same again later can help. @default "backoff" for Unavailable and Timeout, else "never" */
  readonly retry?: "never" | "backoff";
}

/**
 * A failure inside Orlop that is not (yet) an API answer. Messages are a sentence without full stop that says what was
 * attempted and with which value; where the reader can do something, they say what.
 */
export class OrlopError extends Error {
  override readonly name = "OrlopError";
  readonly code: ErrorCode;
  readonly retry: "never" | "backoff";

  constructor(code: ErrorCode, message: string, options: OrlopErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? (code === "Unavailable" || code === "Timeout" ? "backoff" : "never");
  }
}

/** The text of anything that was thrown. */
export function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
