import { isSidecar } from "../../api/pod.ts";
import { podLimits, podRequests, writeResources } from "../../api/pod-resources.ts";
import type { Container, EphemeralContainer, Pod } from "../../api/types.ts";
import { milliUnits, parseQuantity, wholeUnits } from "../../lib/quantity.ts";
import { qosClassOf } from "./qos-class.ts";

/** CPU and memory as the kernel takes them. */
export interface LinuxAmounts {
  readonly cpuShares: number;
  /** Microseconds of CPU per period; absent without a limit. */
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly memoryLimitBytes?: number;
  readonly unified?: Readonly<Record<string, string>>;
}

/** What the kernel is told about one container. */
export interface LinuxResources extends LinuxAmounts {
  readonly oomScoreAdj: number;
}

/** What a sandbox is told of its pod: runtimes that make a virtual machine of it size that by both. */
export interface SandboxResources {
  /** Of all containers together. */
  readonly resources: LinuxAmounts;
  /** Of the runtime itself, where the RuntimeClass says so. */
  readonly overhead?: LinuxAmounts;
}

export interface NodeResources {
  readonly memoryBytes: number;
  /** Whether CPU limits are enforced (cpuCFSQuota). */
  readonly cpuQuotaEnabled: boolean;
  /** Microseconds. */
  readonly cpuQuotaPeriod: number;
  readonly cgroupVersion: 1 | 2;
  /** Kill only the process that ran out of memory; else all of the container (cgroup v2 only). */
  readonly singleProcessOomKill: boolean;
}

const SHARES_PER_CPU = 1024;
const SMALLEST_SHARES = 2;
const LARGEST_SHARES = 262_144;
const SMALLEST_QUOTA = 1000;

export function sharesOf(milliCpu: number): number {
  return Math.min(LARGEST_SHARES, Math.max(SMALLEST_SHARES, Math.floor((milliCpu * SHARES_PER_CPU) / 1000)));
}

export function linuxResources(
  pod: Pod,
  container: Container | EphemeralContainer,
  node: NodeResources,
): LinuxResources {
  const { requests, limits } = container.resources ?? {};
  const ofPod = pod.spec?.resources?.limits;
  const cpuLimit = milli(limits?.["cpu"]) || milli(ofPod?.["cpu"]);
  const memoryLimit = bytes(limits?.["memory"]) || bytes(ofPod?.["memory"]);
  const cpuRequest = requests?.["cpu"] === undefined ? cpuLimit : milli(requests["cpu"]);
  return {
    ...amountsOf({ cpuRequest, cpuLimit, memoryLimit }, node),
    oomScoreAdj: oomScoreAdjustment(pod, container, node.memoryBytes),
  };
}

export function sandboxResources({ spec }: Pod, node: NodeResources): SandboxResources {
  const { overhead, ...own } = spec ?? { containers: [] };
  const [requests, limits] = [writeResources(podRequests(own)), writeResources(podLimits(own))];
  const cpuLimit = milli(limits["cpu"]);
  const cpuRequest = requests["cpu"] === undefined ? cpuLimit : milli(requests["cpu"]);
  const resources = amountsOf({ cpuRequest, cpuLimit, memoryLimit: bytes(limits["memory"]) }, node);
  if (overhead === undefined) return { resources };
  const cpu = milli(overhead["cpu"]);
  const memoryLimit = bytes(overhead["memory"]);
  return { resources, overhead: amountsOf({ cpuRequest: cpu, cpuLimit: cpu, memoryLimit }, node) };
}

/** @param wanted CPU in thousandths, memory in bytes; 0 without a limit */
function amountsOf(
  wanted: { readonly cpuRequest: number; readonly cpuLimit: number; readonly memoryLimit: number },
  node: NodeResources,
): LinuxAmounts {
  const { cpuRequest, cpuLimit, memoryLimit } = wanted;
  return {
    cpuShares: sharesOf(cpuRequest),
    ...(node.cpuQuotaEnabled && {
      cpuPeriod: node.cpuQuotaPeriod,
      ...(cpuLimit > 0 && {
        cpuQuota: Math.max(SMALLEST_QUOTA, Math.floor((cpuLimit * node.cpuQuotaPeriod) / 1000)),
      }),
    }),
    ...(memoryLimit > 0 && { memoryLimitBytes: memoryLimit }),
    ...(node.cgroupVersion === 2 && !node.singleProcessOomKill && { unified: { "memory.oom.group": "1" } }),
  };
}

const NODE_CRITICAL_PRIORITY = 2_000_001_000;
const GUARANTEED = -997;
const BEST_EFFORT = 1000;

/** The more of the node's memory a container asks for, the later the kernel picks it when memory runs out. */
export function oomScoreAdjustment(pod: Pod, container: Container | EphemeralContainer, memoryBytes: number): number {
  if ((pod.spec?.priority ?? 0) >= NODE_CRITICAL_PRIORITY) return GUARANTEED;
  const qos = qosClassOf(pod);
  if (qos === "Guaranteed") return GUARANTEED;
  if (qos === "BestEffort") return BEST_EFFORT;
  const scoreFor = (request: number): number => BEST_EFFORT - Math.floor((BEST_EFFORT * request) / memoryBytes);
  const extra = unassignedPodMemory(pod);
  let score = scoreFor(bytes(container.resources?.requests?.["memory"]) + extra);
  const isInit = (pod.spec?.initContainers ?? []).some(({ name }) => name === container.name);
  if (isInit && isSidecar(container)) {
    const requests = (pod.spec?.containers ?? []).map(({ resources }) => bytes(resources?.requests?.["memory"]));
    // A sidecar must not be killed before the containers it serves.
    score = Math.min(score, scoreFor(Math.min(...requests) + extra));
  }
  if (score < BEST_EFFORT + GUARANTEED) return BEST_EFFORT + GUARANTEED;
  return score === BEST_EFFORT ? BEST_EFFORT - 1 : score;
}

/** Memory that is requested for the whole pod and not for one of its containers, in equal shares (KEP-2837). */
function unassignedPodMemory(pod: Pod): number {
  const total = bytes(pod.spec?.resources?.requests?.["memory"]);
  const sharing = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(isSidecar)];
  if (total === 0 || sharing.length === 0) return 0;
  const assigned = sharing.reduce((sum, { resources }) => sum + bytes(resources?.requests?.["memory"]), 0);
  return Math.max(0, Math.floor((total - assigned) / sharing.length));
}

function milli(text: string | undefined): number {
  const parsed = parseQuantity(text ?? "0");
  return parsed.ok ? Number(milliUnits(parsed.value)) : 0;
}

function bytes(text: string | undefined): number {
  const parsed = parseQuantity(text ?? "0");
  return parsed.ok ? Number(wholeUnits(parsed.value)) : 0;
}
