import { lstat, readdir, stat, statfs } from "node:fs/promises";
import { arch, hostname, networkInterfaces, release } from "node:os";
import { join } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type {
  FilesystemUsage,
  HostAddress,
  HostFacts,
  MachineInformation,
  MachineUsage,
} from "../../ports/host-facts.ts";
import {
  parseBusyNanoseconds,
  parseDefaultInterface,
  parseDefaultInterfaceIpv6,
  parseInterfaces,
  parseKilobyteTable,
  parseNumberTable,
  parsePrettyName,
  readTextOrNothing,
} from "./proc-text.ts";

const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };
const TREE_ENTRIES_LIMIT = 200_000;

/** Facts about this host out of /proc, /sys and statfs. */
export function createLinuxFacts(): HostFacts {
  return {
    machine,
    usage,
    filesystem,
    addresses,
    interfaces: async (processId) => parseInterfaces(await readTextOrNothing(`/proc/${processId ?? "self"}/net/dev`)),
    treeUsage,
  };
}

async function machine(): Promise<MachineInformation> {
  const [memory, machineId, dbusMachineId, systemUuid, bootId, osRelease, usrOsRelease, procStat, cpus] =
    await Promise.all([
      readTextOrNothing("/proc/meminfo").then(parseKilobyteTable),
      readTextOrNothing("/etc/machine-id"),
      readTextOrNothing("/var/lib/dbus/machine-id"),
      readTextOrNothing("/sys/class/dmi/id/product_uuid"),
      readTextOrNothing("/proc/sys/kernel/random/boot_id"),
      readTextOrNothing("/etc/os-release"),
      readTextOrNothing("/usr/lib/os-release"),
      readTextOrNothing("/proc/stat"),
      onlineCpus(),
    ]);
  const bootSeconds = Number(/^btime (\d+)$/m.exec(procStat)?.[1] ?? 0);
  const id = machineId === "" ? dbusMachineId : machineId;
  return {
    hostname: hostname(),
    cpus,
    memoryBytes: memory.get("MemTotal") ?? 0,
    swapBytes: memory.get("SwapTotal") ?? 0,
    hugepages: await hugepages(),
    machineId: id,
    systemUuid: systemUuid === "" ? id : systemUuid,
    bootId,
    kernelVersion: release(),
    osImage: parsePrettyName(osRelease === "" ? usrOsRelease : osRelease),
    architecture: GO_ARCHITECTURES[arch()] ?? arch(),
    bootedAt: bootSeconds * 1_000,
  };
}

/** Counted from the online list, because a CPU affinity of this process says nothing about the node. */
async function onlineCpus(): Promise<number> {
  const ranges = (await readTextOrNothing("/sys/devices/system/cpu/online")).split(",");
  const count = ranges.reduce((total, range) => {
    const [first, last] = range.split("-").map(Number);
    return first === undefined || Number.isNaN(first) ? total : total + (last ?? first) - first + 1;
  }, 0);
  return Math.max(count, 1);
}

async function hugepages(): Promise<MachineInformation["hugepages"]> {
  const folder = "/sys/kernel/mm/hugepages";
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    names.map(async (name) => {
      const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0);
      const pages = Number(await readTextOrNothing(join(folder, name, "nr_hugepages")));
      return { pageSizeBytes: kilobytes * 1_024, bytes: kilobytes * 1_024 * pages };
    }),
  );
  return sizes.filter(({ pageSizeBytes }) => pageSizeBytes > 0).sort((a, b) => a.pageSizeBytes - b.pageSizeBytes);
}

async function usage(): Promise<MachineUsage> {
  const [memory, vmstat, procStat, loadAverage, pidMax, threadsMax] = await Promise.all([
    readTextOrNothing("/proc/meminfo").then(parseKilobyteTable),
    readTextOrNothing("/proc/vmstat").then(parseNumberTable),
    readTextOrNothing("/proc/stat"),
    readTextOrNothing("/proc/loadavg"),
    readTextOrNothing("/proc/sys/kernel/pid_max"),
    readTextOrNothing("/proc/sys/kernel/threads-max"),
  ]);
  return {
    at: Date.now(),
    cpuUsageNanoseconds: parseBusyNanoseconds(procStat),
    memoryTotalBytes: memory.get("MemTotal") ?? 0,
    memoryFreeBytes: memory.get("MemFree") ?? 0,
    memoryAvailableBytes: memory.get("MemAvailable") ?? memory.get("MemFree") ?? 0,
    memoryInactiveFileBytes: memory.get("Inactive(file)") ?? 0,
    memoryRssBytes: memory.get("AnonPages") ?? 0,
    pageFaults: vmstat.get("pgfault") ?? 0,
    majorPageFaults: vmstat.get("pgmajfault") ?? 0,
    swapTotalBytes: memory.get("SwapTotal") ?? 0,
    swapFreeBytes: memory.get("SwapFree") ?? 0,
    processes: Number(/\d+\/(\d+)/.exec(loadAverage)?.[1] ?? 0),
    processesMax: Math.min(Number(pidMax) || 32_768, Number(threadsMax) || Number.MAX_SAFE_INTEGER),
  };
}

async function filesystem(path: string): Promise<FilesystemUsage> {
  try {
    const [figures, information] = await Promise.all([statfs(path), stat(path)]);
    return {
      device: information.dev,
      capacityBytes: figures.blocks * figures.bsize,
      availableBytes: figures.bavail * figures.bsize,
      usedBytes: (figures.blocks - figures.bfree) * figures.bsize,
      inodes: figures.files,
      inodesFree: figures.ffree,
    };
  } catch (cause) {
    throw new OrlopError("Unavailable", `cannot read the filesystem figures of ${path}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function addresses(): Promise<{ readonly all: readonly HostAddress[]; readonly default?: string }> {
  const all = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? [])
      // Link-local addresses are of no use to anybody on another machine.
      .filter(({ address }) => !address.startsWith("169.254.") && !address.toLowerCase().startsWith("fe80:"))
      .map(({ address, family, internal }): HostAddress => {
        return { interface: name, address, family: family === "IPv6" ? 6 : 4, loopback: internal };
      }),
  );
  const [routes, routesIpv6] = await Promise.all([
    readTextOrNothing("/proc/net/route"),
    readTextOrNothing("/proc/net/ipv6_route"),
  ]);
  const ipv4 = parseDefaultInterface(routes);
  const ipv6 = parseDefaultInterfaceIpv6(routesIpv6);
  const chosen =
    all.find((address) => address.interface === ipv4 && address.family === 4) ??
    all.find((address) => address.interface === ipv6 && address.family === 6);
  return { all, ...(chosen !== undefined && { default: chosen.address }) };
}

async function treeUsage(
  path: string,
  signal: AbortSignal,
): Promise<{ readonly usedBytes: number; readonly inodes: number; readonly complete: boolean }> {
  const linked = new Set<number>();
  const waiting: string[] = [path];
  let usedBytes = 0;
  let inodes = 0;
  let device: number | undefined;
  for (let current = waiting.pop(); current !== undefined; current = waiting.pop()) {
    signal.throwIfAborted();
    if (inodes >= TREE_ENTRIES_LIMIT) return { usedBytes, inodes, complete: false };
    // Files come and go while we look: what vanished does not count.
    const information = await lstat(current).catch(() => undefined);
    if (information === undefined || information.dev !== (device ?? information.dev)) continue;
    device = information.dev;
    if (information.nlink > 1 && !information.isDirectory()) {
      if (linked.has(information.ino)) continue;
      linked.add(information.ino);
    }
    usedBytes += information.blocks * 512;
    inodes += 1;
    if (information.isDirectory()) {
      const folder = current;
      waiting.push(...(await readdir(folder).catch(() => [])).map((name) => join(folder, name)));
    }
  }
  return { usedBytes, inodes, complete: true };
}
