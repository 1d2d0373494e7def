import { invalidValue } from "./field-error.ts";
import type { FieldError } from "./status-error.ts";

/** The four bytes of an IPv4 address; leading zeros are accepted (see `hasLeadingZero`). */
function ipv4Bytes(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/u.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function groupsOf(text: string): readonly number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const last = parts.at(-1) ?? "";
  const tail = last.includes(".") ? ipv4Bytes(last) : undefined;
  if (last.includes(".") && tail === undefined) return undefined;
  const plain = tail === undefined ? parts : parts.slice(0, -1);
  if (!plain.every((part) => /^[0-9a-fA-F]{1,4}$/u.test(part))) return undefined;
  const groups = plain.map((part) => Number.parseInt(part, 16));
  const [a = 0, b = 0, c = 0, d = 0] = tail ?? [];
  return tail === undefined ? groups : [...groups, a * 256 + b, c * 256 + d];
}

function ipv6Groups(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => groupsOf(half));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  return missing < 1 ? undefined : [...head, ...Array.from({ length: missing }, () => 0), ...(tail ?? [])];
}

export interface IpAddress {
  readonly family: "IPv4" | "IPv6";
  /** 4 or 16 numbers of 0 to 255. */
  readonly bytes: readonly number[];
  /** Written in a way that programs read differently: leading zeros, or IPv4 inside IPv6. */
  readonly isAmbiguous: boolean;
}

export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(":")) {
    const bytes = ipv4Bytes(text);
    if (bytes === undefined) return undefined;
    return { family: "IPv4", bytes, isAmbiguous: text.split(".").some((part) => /^0\d/u.test(part)) };
  }
  const groups = ipv6Groups(text);
  if (groups === undefined) return undefined;
  const bytes = groups.flatMap((group) => [group >> 8, group & 255]);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  return { family: "IPv6", bytes, isAmbiguous: isMapped };
}

/** Rules of IP fields that are older than the strict rules; @param kept addresses of the old object, fine as they are */
export function validateIp(field: string, text: string, kept: readonly string[] = []): readonly FieldError[] {
  if (kept.includes(text)) return [];
  const address = parseIp(text);
  if (address === undefined) {
    return [invalidValue(field, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")];
  }
  if (!address.isAmbiguous) return [];
  const problem = address.family === "IPv4" ? "must not have leading 0s" : "must not be an IPv4-mapped IPv6 address";
  return [invalidValue(field, text, problem)];
}

/** `10.0.0.0/8`: an address and a prefix length without host bits. */
export function validateCidr(field: string, text: string, kept: readonly string[] = []): readonly FieldError[] {
  if (kept.includes(text)) return [];
  const [address = "", length = "", ...more] = text.split("/");
  const parsed = parseIp(address);
  const bits = /^\d{1,3}$/u.test(length) ? Number(length) : Number.NaN;
  const isWrong = parsed === undefined || more.length > 0 || !(bits <= parsed.bytes.length * 8);
  if (isWrong) {
    return [invalidValue(field, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")];
  }
  if (parsed.isAmbiguous) return [invalidValue(field, text, "must not have leading 0s in IP")];
  return [];
}

/** One address of each family, at most. */
export function isOnePerFamily(addresses: readonly string[]): boolean {
  const families = addresses.map((address) => parseIp(address)?.family);
  return addresses.length <= 1 || (addresses.length === 2 && families[0] !== families[1]);
}
