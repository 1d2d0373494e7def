import { parseIp } from "./ip-address.ts";
import type { IpAddress } from "./ip-address.ts";

function groupsOf(bytes: readonly number[]): readonly number[] {
  return Array.from({ length: bytes.length / 2 }, (_, i) => (bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0));
}

/** First and length of the longest run of at least two zero groups; the first such run wins. */
function longestZeroRun(groups: readonly number[]): readonly [number, number] {
  let best: readonly [number, number] = [-1, 1];
  for (let start = 0; start < groups.length; ) {
    let end = start;
    while (end < groups.length && groups[end] === 0) end += 1;
    if (end - start > best[1]) best = [start, end - start];
    start = end + 1;
  }
  return best;
}

function formatIpv6(bytes: readonly number[]): string {
  const groups = groupsOf(bytes);
  const hex = groups.map((group) => group.toString(16));
  const [start, length] = longestZeroRun(groups);
  if (start === -1) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** The canonical text of an address (RFC 5952); an IPv4 address inside an IPv6 one is written as IPv4. */
export function formatIp({ family, bytes, isAmbiguous }: IpAddress): string {
  if (family === "IPv4") return bytes.join(".");
  return isAmbiguous ? bytes.slice(12).join(".") : formatIpv6(bytes);
}

/** Warnings about an address that is valid but better written otherwise. */
export function ipWarnings(field: string, text: string): readonly string[] {
  const address = parseIp(text);
  if (address === undefined) return [];
  const canonical = formatIp(address);
  const quoted = JSON.stringify(text);
  if (address.isAmbiguous) return [`${field}: non-standard IP address ${quoted} is invalid: use "${canonical}"`];
  if (address.family === "IPv4" || canonical === text) return [];
  return [`${field}: IPv6 address ${quoted} should be in RFC 5952 canonical format ("${canonical}")`];
}

function maskedBytes(bytes: readonly number[], bits: number): readonly number[] {
  return bytes.map((byte, i) => {
    const kept = Math.min(8, Math.max(0, bits - 8 * i));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
}

/** The same for `address/length`, where bits after the prefix are a likely mistake. */
export function cidrWarnings(field: string, text: string): readonly string[] {
  const [address = "", length = ""] = text.split("/");
  const given = parseIp(address);
  if (given === undefined || !/^\d{1,3}$/u.test(length)) return [];
  const bits = Number(length);
  const network = { ...given, bytes: maskedBytes(given.bytes, bits) };
  const canonical = `${formatIp(network)}/${bits}`;
  const quoted = JSON.stringify(text);
  const hasHostBits = network.bytes.some((byte, i) => byte !== given.bytes[i]);
  const one = `${formatIp(given)}/${given.bytes.length * 8}`;
  const warnings = [
    ...(hasHostBits
      ? [`${field}: CIDR value ${quoted} is ambiguous in this context (should be "${canonical}" or "${one}"?)`]
      : []),
    ...(given.isAmbiguous || /^0\d/u.test(length)
      ? [`${field}: non-standard CIDR value ${quoted} is invalid: use "${canonical}"`]
      : []),
  ];
  if (warnings.length > 0 || given.family === "IPv4" || canonical === text) return warnings;
  return [`${field}: IPv6 CIDR value ${quoted} should be in RFC 5952 canonical format ("${canonical}")`];
}
