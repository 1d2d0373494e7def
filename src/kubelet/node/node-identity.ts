import { failed, ok, type Result } from "../../lib/result.ts";
import type { HostAddress } from "../../ports/host-facts.ts";

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The node's name: what was asked for, else the host's name in lower case. */
export function decideNodeName(hostname: string, override: string | undefined): Result<string> {
  const name = (override ?? hostname).trim().toLowerCase();
  if (name === "") return failed("the host has no name: give the node one with --hostname-override");
  if (name.length > 253 || !NAME.test(name)) {
    return failed(
      `"${name}" cannot be a node name (a lowercase RFC 1123 subdomain is needed): choose one with --hostname-override`,
    );
  }
  return ok(name);
}

export interface NodeAddressInput {
  /** --node-ip: one address, or two of different families separated by a comma. */
  readonly wanted?: string;
  readonly addresses: readonly HostAddress[];
  /** Address of the interface the default route uses. */
  readonly default?: string;
}

/** Addresses of the node, primary first. Never a loopback address: other nodes could not reach it. */
export function decideNodeAddresses(input: NodeAddressInput): Result<readonly string[]> {
  if (input.wanted !== undefined && input.wanted !== "") return checkWanted(input.wanted.split(","), input.addresses);
  if (input.default !== undefined) return ok([input.default]);
  // No default route (an isolated machine): any address that is not loopback, IPv4 first.
  const usable = input.addresses.filter(({ loopback }) => !loopback);
  const found = usable.find(({ family }) => family === 4) ?? usable[0];
  if (found !== undefined) return ok([found.address]);
  return failed("the host has no address but loopback: give the node one with --node-ip");
}

function checkWanted(wanted: readonly string[], addresses: readonly HostAddress[]): Result<readonly string[]> {
  const found: HostAddress[] = [];
  for (const text of wanted.map((part) => part.trim())) {
    const own = addresses.find(({ address }) => address === text);
    if (own === undefined) return failed(`node IP: "${text}" not found in the host's network interfaces`);
    if (own.loopback) return failed(`node IP "${text}": nodeIP can't be loopback address`);
    found.push(own);
  }
  const [first, second, ...more] = found;
  if (first === undefined || more.length > 0 || (second !== undefined && second.family === first.family)) {
    return failed(`--node-ip ${wanted.join(",")}: give one address, or two of different families`);
  }
  return ok(found.map(({ address }) => address));
}
