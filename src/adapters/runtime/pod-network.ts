import { failed, ok, type Result } from "../../lib/result.ts";

/** An IPv4 range: the first address as a number, and the length of the prefix. */
export interface AddressRange {
  readonly address: number;
  readonly prefix: number;
}

/** Room for 1,021 pods, more than a node may run. */
const POD_PREFIX = 22;

/** Private ranges to take pod networks from, best first. */
const POOLS: readonly AddressRange[] = [
  "10.64.0.0/10",
  "10.128.0.0/9",
  "172.16.0.0/12",
  "100.64.0.0/10",
  "192.168.0.0/16",
]
  .map((cidr) => parseRange(cidr))
  .filter((range) => range !== undefined);

/**
 * A range for the pods of one node that overlaps nothing the host has a route to. Starts at a place that depends on
 * `seed`, so that two data directories on one host rarely ask for the same.
 */
export function choosePodRange(seed: number, taken: readonly AddressRange[]): Result<string> {
  for (const pool of POOLS) {
    const slots = 2 ** (POD_PREFIX - pool.prefix);
    for (let step = 0; step < slots; step += 1) {
      const slot = (seed + step) % slots;
      const range = { address: pool.address + slot * 2 ** (32 - POD_PREFIX), prefix: POD_PREFIX };
      if (!taken.some((other) => rangesOverlap(range, other))) return ok(formatRange(range));
    }
  }
  return failed("every private IPv4 range has a route on this host, so there is no room for a pod network");
}

export function rangesOverlap(one: AddressRange, other: AddressRange): boolean {
  const size = 2 ** (32 - Math.min(one.prefix, other.prefix));
  return Math.floor(one.address / size) === Math.floor(other.address / size);
}

export function parseRange(cidr: string): AddressRange | undefined {
  const [text = "", length] = cidr.split("/");
  const parts = text.split(".").map(Number);
  const prefix = length === undefined ? 32 : Number(length);
  const valid = parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
  if (!valid || !Number.isInteger(prefix) || prefix < 0 || prefix > 32) return undefined;
  return { address: parts.reduce((total, part) => total * 256 + part, 0), prefix };
}

export function formatRange(range: AddressRange): string {
  const parts = [24, 16, 8, 0].map((shift) => Math.floor(range.address / 2 ** shift) % 256);
  return `${parts.join(".")}/${range.prefix}`;
}

/** A route out of /proc/net/route. */
export interface Route {
  readonly device: string;
  readonly range: AddressRange;
}

/** Reads the text of /proc/net/route (numbers there are little endian). Default routes have prefix 0. */
export function parseRoutes(text: string): readonly Route[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [device, destination, mask] = [fields[0], fields[1], fields[7]];
      if (device === undefined || destination === undefined || mask === undefined) return [];
      const bits = littleEndian(mask).toString(2).replaceAll("0", "").length;
      return [{ device, range: { address: littleEndian(destination), prefix: bits } }];
    });
}

function littleEndian(hex: string): number {
  return Number.parseInt((hex.padStart(8, "0").match(/../g) ?? []).toReversed().join(""), 16);
}

/** The CNI configuration: a bridge of the node's own, addresses from a file store, host ports by nftables. */
export function networkConfigList(network: {
  readonly name: string;
  readonly bridge: string;
  readonly podRange: string;
  readonly leases: string;
  readonly mtu: number;
}): string {
  const bridge = {
    type: "bridge",
    bridge: network.bridge,
    isGateway: true,
    // Orlop's own table does it once for the range instead of once per pod.
    ipMasq: false,
    hairpinMode: true,
    mtu: network.mtu,
    ipam: {
      type: "host-local",
      dataDir: network.leases,
      ranges: [[{ subnet: network.podRange }]],
      routes: [{ dst: "0.0.0.0/0" }],
    },
  };
  const ports = { type: "portmap", backend: "nftables", snat: true, capabilities: { portMappings: true } };
  return `${JSON.stringify({ cniVersion: "1.0.0", name: network.name, plugins: [bridge, ports] }, undefined, 2)}\n`;
}

/** The packet filter rules of one data directory, for `nft -f`: replaces what an earlier start left. */
export function masqueradeRules(network: {
  readonly table: string;
  readonly bridge: string;
  readonly podRange: string;
}): string {
  const { table, bridge, podRange } = network;
  return [
    `add table ip ${table}`,
    `delete table ip ${table}`,
    `table ip ${table} {`,
    "  chain postrouting {",
    "    type nat hook postrouting priority srcnat; policy accept;",
    `    ip saddr ${podRange} ip daddr != ${podRange} oifname != "${bridge}" masquerade`,
    "  }",
    "}",
    "",
  ].join("\n");
}
