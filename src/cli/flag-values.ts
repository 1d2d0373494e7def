import { parseGoDuration } from "../lib/go-duration.ts";
import { UsageError } from "./usage-error.ts";

/** Parses a TCP port flag; 0 is allowed only where the flag says so. */
export function parsePort(flag: string, options: { readonly zero?: boolean } = {}): (value: string) => number {
  return (value) => {
    const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
    const lowest = options.zero === true ? 0 : 1;
    if (!(port >= lowest && port <= 65535)) {
      throw new UsageError(`invalid value "${value}" for ${flag}: must be a port number between ${lowest} and 65535`);
    }
    return port;
  };
}

const OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${OCTET}(\\.${OCTET}){3}$`);

/** Parses an IP address flag. IPv6 is checked loosely: the listener has the last word. */
export function parseAddress(flag: string): (value: string) => string {
  return (value) => {
    const looksLikeIpv6 = value.includes(":") && /^[0-9a-fA-F:.]+$/.test(value);
    if (!IPV4.test(value) && !looksLikeIpv6) {
      throw new UsageError(`invalid value "${value}" for ${flag}: must be an IP address`);
    }
    return value;
  };
}

/** Accepts `1.35` and upstream's `kube=1.35`; returns `1.35`. */
export function parseEmulatedVersion(value: string): string {
  const match = /^(?:kube=)?v?(1\.\d{1,2})$/.exec(value);
  if (match?.[1] === undefined) {
    throw new UsageError(`invalid value "${value}" for --emulated-version: must be MAJOR.MINOR such as 1.35`);
  }
  return match[1];
}

/** A node name must be usable as an object name and in a certificate. */
export function parseNodeName(flag: string): (value: string) => string {
  return (value) => {
    if (value.length > 253 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(value)) {
      throw new UsageError(
        `invalid value "${value}" for ${flag}: must be a lowercase RFC 1123 subdomain (letters, digits, '-' and '.')`,
      );
    }
    return value;
  };
}

/** Parses a duration above zero as Go writes it, "1m30s"; gives milliseconds. */
export function parseDuration(flag: string): (value: string) => number {
  return (value) => {
    const milliseconds = parseGoDuration(value);
    if (milliseconds === undefined || milliseconds <= 0) {
      throw new UsageError(`invalid value "${value}" for ${flag}: must be a duration such as 15s or 1m30s`);
    }
    return milliseconds;
  };
}

/** Collects a flag that may be given several times or hold a comma list. */
export function collectList(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), ...value.split(",").filter((part) => part !== "")];
}

/** Accepts a bare flag, `=true` and `=false`, as Go's flag packages do. */
export function parseBoolean(flag: string): (value: string) => boolean {
  return (value) => {
    if (["true", "1", "t", "T", "TRUE", "True"].includes(value)) return true;
    if (["false", "0", "f", "F", "FALSE", "False"].includes(value)) return false;
    throw new UsageError(`invalid value "${value}" for ${flag}: must be true or false`);
  };
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export function parseLogLevel(value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level === undefined) {
    throw new UsageError(`invalid value "${value}" for --log-level: must be one of ${LOG_LEVELS.join(", ")}`);
  }
  return level;
}

export function parseCount(flag: string): (value: string) => number {
  return (value) => {
    if (!/^\d{1,9}$/.test(value)) throw new UsageError(`invalid value "${value}" for ${flag}: must be a whole number`);
    return Number(value);
  };
}
