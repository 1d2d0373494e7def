import type { FilesystemUsage, InterfaceUsage, MachineInformation } from "../../../ports/host-facts.ts";
import type { RouteHandler } from "../routes.ts";
import { jsonAnswer } from "./json-answer.ts";

export interface SpecDeps {
  readonly machine: MachineInformation;
  readonly filesystem: () => Promise<FilesystemUsage | undefined>;
  readonly interfaces: () => Promise<readonly InterfaceUsage[]>;
}

/** /spec/: facts about the machine, in the form cAdvisor gave them. */
export function createSpecHandler(deps: SpecDeps): RouteHandler {
  const { machine } = deps;
  return async () => {
    const [filesystem, interfaces] = await Promise.all([deps.filesystem(), deps.interfaces()]);
    return jsonAnswer({
      timestamp: new Date(machine.bootedAt).toISOString(),
      num_cores: machine.cpus,
      memory_capacity: machine.memoryBytes,
      swap_capacity: machine.swapBytes,
      hugepages: machine.hugepages.map(({ pageSizeBytes, bytes }) => {
        return { page_size: pageSizeBytes / 1_024, num_pages: pageSizeBytes === 0 ? 0 : bytes / pageSizeBytes };
      }),
      machine_id: machine.machineId,
      system_uuid: machine.systemUuid,
      boot_id: machine.bootId,
      kernel_version: machine.kernelVersion,
      operating_system: machine.osImage,
      architecture: machine.architecture,
      filesystems:
        filesystem === undefined
          ? []
          : [
              {
                device: String(filesystem.device),
                capacity: filesystem.capacityBytes,
                inodes: filesystem.inodes,
                has_inodes: filesystem.inodes > 0,
              },
            ],
      network_devices: interfaces.map(({ name }) => ({ name })),
    });
  };
}
