import { podLimits, podRequests, type Resources } from "../../api/pod-resources.ts";
import type { Pod, PodSpec } from "../../api/types.ts";
import { sharesOf } from "../../core/pods/container-resources.ts";
import { qosClassOf } from "../../core/pods/qos-class.ts";
import { milliUnits, parseQuantity, wholeUnits, ZERO_QUANTITY } from "../../lib/quantity.ts";

/** Limits of one control group; what is absent is left alone. */
export interface CgroupLimits {
  readonly cpuShares?: number;
  /** Microseconds per period; -1 for no limit. */
  readonly cpuQuota?: { readonly quota: number; readonly period: number };
  readonly memoryBytes?: number;
  readonly pids?: number;
  /** Page size in bytes to limit in bytes. */
  readonly hugepages?: ReadonlyMap<number, number>;
}

export interface PodLimitOptions {
  /** Whether CPU limits are enforced. */
  readonly cpuQuota: boolean;
  /** Microseconds. */
  readonly cpuPeriod: number;
  /** -1 for no limit. */
  readonly pids: number;
}

const SMALLEST_SHARES = 2;
const LARGEST_SHARES = 262_144;
const SMALLEST_QUOTA = 1_000;
const LARGEST_WEIGHT = 10_000;

/** Limits of a pod as a whole: they hold when containers come and go, and for what runs beside them in the sandbox. */
export function podCgroupLimits(pod: Pod, options: PodLimitOptions): CgroupLimits {
  const qos = qosClassOf(pod);
  const spec = pod.spec ?? { containers: [] };
  const requests = podRequests(spec);
  const limits = podLimits(spec);
  const milliCpu = (amounts: Resources): number => Number(milliUnits(amounts.get("cpu") ?? ZERO_QUANTITY));
  const hugepages = hugepageLimits(requests);
  const common = {
    ...(options.pids > 0 && { pids: options.pids }),
    ...(hugepages.size > 0 && { hugepages }),
  };
  if (qos === "BestEffort") return { cpuShares: SMALLEST_SHARES, ...common };
  const quota = Math.max(SMALLEST_QUOTA, Math.floor((milliCpu(limits) * options.cpuPeriod) / 1_000));
  const memory = limits.get("memory");
  return {
    cpuShares: sharesOf(milliCpu(requests)),
    ...(hasLimit(spec, "cpu") && {
      cpuQuota: { quota: options.cpuQuota ? quota : -1, period: options.cpuPeriod },
    }),
    ...(hasLimit(spec, "memory") && memory !== undefined && { memoryBytes: Number(wholeUnits(memory)) }),
    ...common,
  };
}

/** Whether all containers, or the pod itself, limit the resource: only then has the pod a limit as a whole. */
function hasLimit(spec: PodSpec, resource: string): boolean {
  const positive = (limits: Readonly<Record<string, string>> | undefined): boolean => {
    const parsed = parseQuantity(limits?.[resource] ?? "0");
    return parsed.ok && parsed.value.nanos > 0n;
  };
  if (positive(spec.resources?.limits)) return true;
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  return containers.length > 0 && containers.every(({ resources }) => positive(resources?.limits));
}

/** The pod's memory limit in bytes; undefined when it has none as a whole. */
export function podMemoryLimitBytes(pod: Pod): number | undefined {
  return podCgroupLimits(pod, { cpuQuota: false, cpuPeriod: 100_000, pids: -1 }).memoryBytes;
}

function hugepageLimits(requests: Resources): ReadonlyMap<number, number> {
  const result = new Map<number, number>();
  for (const [name, amount] of requests) {
    const size = name.startsWith("hugepages-") ? parseQuantity(name.slice("hugepages-".length)) : undefined;
    if (size?.ok === true) result.set(Number(wholeUnits(size.value)), Number(wholeUnits(amount)));
  }
  return result;
}

/** One file to write. */
export interface CgroupWrite {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
}

/** CPU weight of cgroup v2 for the shares of v1, as the kubelet has always converted them. */
export function weightOfShares(shares: number): number {
  if (shares >= LARGEST_SHARES) return LARGEST_WEIGHT;
  return 1 + Math.floor(((shares - SMALLEST_SHARES) * 9_999) / 262_142);
}

/** The files that carry the limits in the given version. Periods come before quotas: a quota is checked against them. */
export function cgroupWrites(limits: CgroupLimits, version: 1 | 2): readonly CgroupWrite[] {
  const { cpuShares, cpuQuota, memoryBytes, pids } = limits;
  const hugepages = [...(limits.hugepages ?? [])];
  if (version === 2) {
    return [
      ...one(cpuShares, (shares) => ({ controller: "cpu", file: "cpu.weight", value: String(weightOfShares(shares)) })),
      ...one(cpuQuota, ({ quota, period }) => {
        return { controller: "cpu", file: "cpu.max", value: `${quota < 0 ? "max" : quota} ${period}` };
      }),
      ...one(memoryBytes, (bytes) => ({ controller: "memory", file: "memory.max", value: String(bytes) })),
      ...one(pids, (count) => ({ controller: "pids", file: "pids.max", value: String(count) })),
      ...hugepages.map(([size, bytes]) => {
        return { controller: "hugetlb", file: `hugetlb.${pageSizeName(size)}.max`, value: String(bytes) };
      }),
    ];
  }
  return [
    ...one(cpuShares, (shares) => ({ controller: "cpu", file: "cpu.shares", value: String(shares) })),
    ...one(cpuQuota, ({ period }) => ({ controller: "cpu", file: "cpu.cfs_period_us", value: String(period) })),
    ...one(cpuQuota, ({ quota }) => ({ controller: "cpu", file: "cpu.cfs_quota_us", value: String(quota) })),
    ...one(memoryBytes, (bytes) => ({ controller: "memory", file: "memory.limit_in_bytes", value: String(bytes) })),
    ...one(pids, (count) => ({ controller: "pids", file: "pids.max", value: String(count) })),
    ...hugepages.map(([size, bytes]) => {
      return { controller: "hugetlb", file: `hugetlb.${pageSizeName(size)}.limit_in_bytes`, value: String(bytes) };
    }),
  ];
}

function one<T>(value: T | undefined, write: (value: T) => CgroupWrite): readonly CgroupWrite[] {
  return value === undefined ? [] : [write(value)];
}

function pageSizeName(bytes: number): string {
  const kilobytes = bytes / 1_024;
  if (kilobytes < 1_024) return `${kilobytes}KB`;
  return kilobytes < 1_048_576 ? `${kilobytes / 1_024}MB` : `${kilobytes / 1_048_576}GB`;
}
