import { invalidValue, when } from "../../field-error.ts";
import { parseIp, validateIp } from "../../ip-address.ts";
import type { IpAddress } from "../../ip-address.ts";
import type { FieldError } from "../../status-error.ts";

function first({ bytes }: IpAddress, ...expected: readonly number[]): boolean {
  return expected.every((byte, i) => bytes[i] === byte);
}

function isLoopback(address: IpAddress): boolean {
  if (address.family === "IPv4") return first(address, 127);
  return address.bytes.slice(0, 15).every((byte) => byte === 0) && address.bytes[15] === 1;
}

function isLinkLocal(address: IpAddress): boolean {
  if (address.family === "IPv4") return first(address, 169, 254);
  return first(address, 0xfe) && ((address.bytes[1] ?? 0) & 0xc0) === 0x80;
}

function isLinkLocalMulticast(address: IpAddress): boolean {
  if (address.family === "IPv4") return first(address, 224, 0, 0);
  return first(address, 0xff) && ((address.bytes[1] ?? 0) & 0x0f) === 2;
}

/** Addresses that traffic may be sent to: none of the machine itself or of its link. */
export function validateEndpointIp(field: string, text: string, kept: readonly string[] = []): readonly FieldError[] {
  const address = parseIp(text);
  const errors = validateIp(field, text, kept);
  if (address === undefined) return [...errors, invalidValue(field, text, "must be a valid IP address")];
  return [
    ...errors,
    ...when(
      address.bytes.every((byte) => byte === 0),
      invalidValue(field, text, `may not be unspecified (${text})`),
    ),
    ...when(isLoopback(address), invalidValue(field, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")),
    ...when(
      isLinkLocal(address),
      invalidValue(field, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
    ),
    ...when(
      isLinkLocalMulticast(address),
      invalidValue(field, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    ),
  ];
}
