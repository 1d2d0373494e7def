import { pino } from "pino";
import type { Logger } from "pino";
import type { Log, LogFields } from "../../ports/log.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface JsonLogOptions {
  /** Lines below it are dropped. @default "info" */
  readonly level?: LogLevel;
  /** Takes whole lines. @default standard error, written synchronously so that nothing is lost when the process ends */
  readonly destination?: { write(line: string): void };
}

export interface JsonLog {
  readonly log: Log;
  /** Applies at once, also to logs made by `with`. */
  setLevel(level: LogLevel): void;
}

/** Log as JSON lines: time (RFC 3339), level, msg and the fields; an Error in field `error` keeps its type, message and causes. */
export function createJsonLog(options: JsonLogOptions = {}): JsonLog {
  let lowest = LOG_LEVELS.indexOf(options.level ?? "info");
  const root = pino(
    {
      level: "debug",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: {
        error: (value: unknown) => (value instanceof Error ? pino.stdSerializers.errWithCause(value) : value),
      },
    },
    options.destination ?? pino.destination({ fd: 2, sync: true }),
  );
  const wrap = (logger: Logger): Log => {
    const at =
      (level: LogLevel) =>
      (message: string, fields: LogFields = {}): void => {
        if (LOG_LEVELS.indexOf(level) >= lowest) logger[level](fields, message);
      };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (fields) => wrap(logger.child(fields)),
    };
  };
  return {
    log: wrap(root),
    setLevel(level) {
      lowest = LOG_LEVELS.indexOf(level);
    },
  };
}
