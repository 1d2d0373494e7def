const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a duration as Go writes it ("1h30m", "1.5s", "0"); undefined when it is none. */
export function parseGoDuration(text: string): number | undefined {
  const match = /^([+-]?)(.+)$/.exec(text);
  const body = match?.[2];
  if (body === undefined) return undefined;
  if (body === "0") return 0;
  let total = 0;
  let rest = body;
  while (rest !== "") {
    const part = /^(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/.exec(rest);
    const unit = part?.[2] === undefined ? undefined : UNITS[part[2]];
    if (part === null || unit === undefined) return undefined;
    total += Number(part[1]) * unit;
    rest = rest.slice(part[0].length);
  }
  return match?.[1] === "-" ? -total : total;
}

/** Writes milliseconds as Go prints a duration: "1h30m0s", "100ms", "0s". */
export function formatGoDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  const sign = milliseconds < 0 ? "-" : "";
  const size = Math.abs(milliseconds);
  if (size < 1e-3) return `${sign}${trimmed(size * 1e6)}ns`;
  if (size < 1) return `${sign}${trimmed(size * 1e3)}µs`;
  if (size < 1_000) return `${sign}${trimmed(size)}ms`;
  const hours = Math.floor(size / 3_600_000);
  const minutes = Math.floor((size % 3_600_000) / 60_000);
  const seconds = trimmed((size % 60_000) / 1_000);
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`;
}

function trimmed(value: number): string {
  return value.toFixed(9).replace(/\.?0+$/u, "");
}
