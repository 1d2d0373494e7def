import type { KubeletConfiguration } from "../../api/kubelet-configuration.ts";
import { sharesOf } from "../../core/pods/container-resources.ts";
import { milliUnits, parseQuantity } from "../../lib/quantity.ts";
import type { RuntimeObserver } from "../../ports/container-runtime.ts";
import type { CgroupLayout } from "../../ports/host-cgroups.ts";
import type { MachineInformation } from "../../ports/host-facts.ts";
import { nodeResources } from "../node/node-resources.ts";
import type { PodCgroups } from "../pod-volumes.ts";
import type { CgroupDriver } from "./cgroup-names.ts";
import { createPodCgroups, type PodCgroupsDeps, type PodCgroupsOptions } from "./pod-cgroups.ts";

/** Asks for the driver; throws OrlopError while the runtime does not answer. */
export type AskDriver = () => Promise<CgroupDriver>;

/** The runtime knows best how it names control groups; where it does not tell, the configuration says. */
export function createDriverQuestion(
  observer: Pick<RuntimeObserver, "cgroupDriver">,
  configuration: Pick<KubeletConfiguration, "cgroupDriver" | "runtimeRequestTimeout">,
): AskDriver {
  const configured: CgroupDriver = configuration.cgroupDriver === "systemd" ? "systemd" : "cgroupfs";
  let known: CgroupDriver | undefined;
  return async () => {
    known ??= (await observer.cgroupDriver(AbortSignal.timeout(configuration.runtimeRequestTimeout))) ?? configured;
    return known;
  };
}

/** Control groups of pods as the node is configured. They come to life with the first pod: by then the driver is known. */
export function createNodeCgroups(
  deps: PodCgroupsDeps & { readonly driver: AskDriver },
  configuration: KubeletConfiguration,
  machine: MachineInformation,
  layout: CgroupLayout | undefined,
): PodCgroups {
  let made: Promise<PodCgroups> | undefined;
  const real = (): Promise<PodCgroups> => {
    made ??= deps.driver().then(
      (driver) => createPodCgroups(deps, cgroupOptions(configuration, machine, layout, driver)),
      (reason: unknown) => {
        made = undefined;
        throw reason;
      },
    );
    return made;
  };
  return {
    ensure: async (pod, signal) => (await real()).ensure(pod, signal),
    remove: async (podUid, signal) => (await real()).remove(podUid, signal),
  };
}

function cgroupOptions(
  configuration: KubeletConfiguration,
  machine: MachineInformation,
  layout: CgroupLayout | undefined,
  driver: CgroupDriver,
): PodCgroupsOptions {
  const { enforcedMemoryBytes, allocatable } = nodeResources(machine, undefined, configuration);
  const enforce = configuration.enforceNodeAllocatable.includes("pods");
  const cpu = parseQuantity((enforce ? allocatable["cpu"] : undefined) ?? String(machine.cpus));
  return {
    cgroupsPerQos: configuration.cgroupsPerQOS && layout !== undefined,
    cgroupRoot: configuration.cgroupRoot,
    driver,
    cpuQuota: configuration.cpuCFSQuota,
    cpuPeriod: configuration.cpuCFSQuotaPeriod * 1_000,
    pids: configuration.podPidsLimit,
    nodeLimits: {
      // The kernel's own default would starve pods beside the system's services.
      cpuShares: sharesOf(cpu.ok ? Number(milliUnits(cpu.value)) : machine.cpus * 1_000),
      memoryBytes: enforce ? enforcedMemoryBytes : machine.memoryBytes,
    },
  };
}
