import type { InterfaceUsage } from "../../ports/host-facts.ts";
import { readFile } from "node:fs/promises";

/** A file of /proc or /sys, trimmed; "" when it does not exist or may not be read. */
export async function readTextOrNothing(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    return "";
  }
}

/** `Name:   123 kB` lines to bytes, as in /proc/meminfo. */
export function parseKilobyteTable(text: string): ReadonlyMap<string, number> {
  const rows = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^([^:]+):\s+(\d+)(?: kB)?$/.exec(line.trim());
    if (match?.[1] !== undefined) rows.set(match[1], Number(match[2]) * 1_024);
  }
  return rows;
}

/** `name 123` lines, as in /proc/vmstat and cgroup memory.stat. */
export function parseNumberTable(text: string): ReadonlyMap<string, number> {
  const rows = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name, value] = line.split(" ");
    if (name !== undefined && value !== undefined && /^\d+$/.test(value)) rows.set(name, Number(value));
  }
  return rows;
}

/** PRETTY_NAME of an os-release file, without quotes; "" when absent. */
export function parsePrettyName(osRelease: string): string {
  const match = /^PRETTY_NAME=(.*)$/m.exec(osRelease);
  return (match?.[1] ?? "").replace(/^(["'])(.*)\1$/, "$2");
}

/** CPU time in nanoseconds that was not idle, from the first line of /proc/stat. */
export function parseBusyNanoseconds(procStat: string): number {
  const line = procStat.split("\n").find((candidate) => candidate.startsWith("cpu "));
  // user nice system idle iowait irq softirq steal; guest times are part of user.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (line ?? "")
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * NANOSECONDS_PER_TICK;
}

/** USER_HZ is 100 on every architecture Linux and Node.js share. */
const NANOSECONDS_PER_TICK = 10_000_000;

/** Rows of /proc/net/dev without the loopback interface. */
export function parseInterfaces(procNetDev: string): readonly InterfaceUsage[] {
  return procNetDev.split("\n").flatMap((line) => {
    const match = /^\s*([^:\s]+):\s*(.*)$/.exec(line);
    const name = match?.[1];
    const numbers = (match?.[2] ?? "").trim().split(/\s+/).map(Number);
    if (name === undefined || name === "lo" || numbers.length < 12) return [];
    const at = (column: number): number => numbers[column] ?? 0;
    return [
      {
        name,
        receivedBytes: at(0),
        receivedPackets: at(1),
        receiveErrors: at(2),
        receiveDropped: at(3),
        sentBytes: at(8),
        sentPackets: at(9),
        sendErrors: at(10),
        sendDropped: at(11),
      },
    ];
  });
}

/** Interface of the IPv4 default route with the lowest metric, from /proc/net/route. */
export function parseDefaultInterface(procNetRoute: string): string | undefined {
  const candidates = procNetRoute
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    // destination and mask zero, and the route is up
    .filter((row) => row[1] === "00000000" && row[7] === "00000000" && (Number.parseInt(row[3] ?? "0", 16) & 1) === 1)
    .sort((a, b) => Number(a[6]) - Number(b[6]));
  return candidates[0]?.[0];
}

/** Interface of the IPv6 default route, from /proc/net/ipv6_route. */
export function parseDefaultInterfaceIpv6(text: string): string | undefined {
  const row = text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find((fields) => /^0{32}$/.test(fields[0] ?? "") && fields[1] === "00" && fields[9] !== "lo");
  return row?.[9];
}
