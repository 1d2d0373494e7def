import { createCsiController } from "../adapters/csi/csi-controller.ts";
import { createLinuxMounts } from "../adapters/linux/mounts.ts";
import { createLoopDriver, loopDriverSocket } from "../adapters/loop-driver/loop-driver.ts";
import { LOOP_DRIVER, LOOP_TOPOLOGY_KEY } from "../api/loop-driver.ts";
import { createUnitGroup, type Unit } from "../machinery/unit.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import { createProvisioner } from "./controllers.ts";
import type { SystemDeps } from "./system.ts";

export interface StorageDriverOptions {
  /** Where images of volumes are, absolute. */
  readonly volumesDir: string;
  /** The kubelet's root directory, absolute. */
  readonly kubeletRoot: string;
  readonly nodeName: string;
}

/** Our CSI driver with its provisioner, deleter and resizer. They talk to it over its socket, as any sidecar would. */
export function createStorageDriver(
  deps: SystemDeps,
  transport: ClusterTransport,
  options: StorageDriverOptions,
): Unit {
  const { volumesDir, kubeletRoot, nodeName } = options;
  const log = deps.log.with({ component: "csi-driver" });
  const driver = createLoopDriver(
    { mounts: createLinuxMounts(), log },
    { directory: volumesDir, kubeletRoot, nodeName },
  );
  return {
    name: "storage",
    async run(signal, ready) {
      const controller = createCsiController({ socket: loopDriverSocket(kubeletRoot) });
      try {
        const topology = { [LOOP_TOPOLOGY_KEY]: nodeName };
        const provisioner = createProvisioner(deps, transport, { driver: LOOP_DRIVER, controller, nodeName, topology });
        await createUnitGroup("storage", [driver, provisioner], "in-order").run(signal, ready);
      } finally {
        controller.close();
      }
    },
  };
}
