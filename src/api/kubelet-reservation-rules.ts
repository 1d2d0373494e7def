import { parseQuantity } from "../lib/quantity.ts";
import type { KubeletConfiguration } from "./kubelet-configuration-fields.ts";

/** Rules on what is kept from pods: CPUs by number, memory by NUMA node. Texts follow upstream. */
export function reservationProblems(c: KubeletConfiguration): string[] {
  const problems: string[] = [];
  if (c.reservedSystemCPUs !== "") {
    if (c.systemReservedCgroup !== "" || c.kubeReservedCgroup !== "") {
      problems.push(
        "can't use reservedSystemCPUs (--reserved-cpus) with systemReservedCgroup (--system-reserved-cgroup) or kubeReservedCgroup (--kube-reserved-cgroup)",
      );
    }
    const wrong = cpuListProblem(c.reservedSystemCPUs);
    if (wrong !== undefined) {
      problems.push(`unable to parse reservedSystemCPUs (--reserved-cpus) ${c.reservedSystemCPUs}, error: ${wrong}`);
    }
  }
  return [...problems, ...memoryProblems(c)];
}

/** Why a list such as "0-3,7" can not be read, as the kernel writes sets of CPUs. */
function cpuListProblem(text: string): string | undefined {
  for (const range of text.split(",")) {
    const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    if (from === undefined) return `${JSON.stringify(range)} is neither a number nor a range such as 0-3`;
    if (to !== undefined && Number(to) < Number(from))
      return `invalid range ${JSON.stringify(range)} (${to} < ${from})`;
  }
  return undefined;
}

function memoryProblems({ reservedMemory }: KubeletConfiguration): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { numaNode, limits } of reservedMemory) {
    for (const [resource, amount] of Object.entries(limits)) {
      const name = JSON.stringify(resource);
      if (resource !== "memory" && !resource.startsWith("hugepages-")) {
        problems.push(
          `the limit type ${name} for NUMA node ${numaNode} is not supported, only [memory hugepages-<HugePageSize>] is accepted`,
        );
      }
      const quantity = parseQuantity(amount);
      if (!quantity.ok) problems.push(`reserved memory ${amount} for NUMA node ${numaNode}: ${quantity.reason}`);
      else if (quantity.value.nanos === 0n) {
        problems.push(`reserved memory may not be zero for NUMA node ${numaNode} and resource ${name}`);
      }
      const key = `${numaNode}/${resource}`;
      if (seen.has(key)) {
        problems.push(`the reserved memory has a duplicate value for NUMA node ${numaNode} and resource ${name}`);
      }
      seen.add(key);
    }
  }
  return problems;
}
