import { isIPv6 } from "node:net";

/**
 * The address under which clients find an API server.
 *
 * @param bindAddress where it listens; the unspecified address means every address of the machine
 * @param machineAddress the machine's primary address
 */
export function apiServerAddress(bindAddress: string, machineAddress: string): string {
  return bindAddress === "0.0.0.0" || bindAddress === "::" ? machineAddress : bindAddress;
}

/** e.g. "https://10.0.0.7:6443", "https://[::1]:6443" */
export function apiServerUrl(address: string, port: number): string {
  return `https://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
