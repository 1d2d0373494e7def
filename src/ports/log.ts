export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log. Never pass secrets, tokens or whole objects that may hold them. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log that adds `fields` to each line. */
  with(fields: LogFields): Log;
}
