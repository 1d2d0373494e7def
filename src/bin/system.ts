import { createHash } from "node:crypto";
import { createSystemClock } from "../adapters/system/clock.ts";
import { createJsonLog, type LogLevel } from "../adapters/system/log.ts";
import { createSystemRandom } from "../adapters/system/random.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";

/** The real clock, randomness and log, as every composition root hands them down. */
export interface SystemDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly setLogLevel: (level: LogLevel) => void;
  /** SHA-256 in hexadecimal digits. */
  readonly digest: (text: string) => string;
}

export function systemDeps(level: LogLevel): SystemDeps {
  const { log, setLevel } = createJsonLog({ level });
  return {
    clock: createSystemClock(),
    random: createSystemRandom(),
    log,
    setLogLevel: setLevel,
    digest: (text) => createHash("sha256").update(text).digest("hex"),
  };
}

/** The level for a verbosity as upstream's components count it. @param otherwise the level of low ones */
export function logLevelOf(verbosity: number, otherwise: LogLevel = "info"): LogLevel {
  return verbosity >= 4 ? "debug" : otherwise;
}
