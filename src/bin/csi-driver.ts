import { resolve } from "node:path";
import { createClusterTransport } from "../adapters/cluster/transport.ts";
import type { CsiDriverOptions } from "../cli/commands.ts";
import { runUnits } from "../machinery/unit.ts";
import { findConnection } from "./cluster-connection.ts";
import { checkMachine } from "./machine.ts";
import { findNodePlace } from "./node-place.ts";
import { untilToldToStop } from "./process-signal.ts";
import { createStorageDriver } from "./storage-driver.ts";
import { systemDeps } from "./system.ts";

/** `orlop csi-driver`: our CSI driver beside any kubelet, with its provisioner against any API server. */
export async function csiDriver(options: CsiDriverOptions): Promise<number> {
  await checkMachine({ node: true, command: "orlop csi-driver" });
  const deps = systemDeps(options.logLevel);
  const { nodeName } = options;
  const place = await findNodePlace(nodeName === undefined ? {} : { nodeName });
  const transport = createClusterTransport(await findConnection(options.kubeconfig), deps);
  try {
    const driver = createStorageDriver(deps, transport, {
      volumesDir: resolve(options.volumesDir),
      kubeletRoot: resolve(options.rootDir),
      nodeName: place.name,
    });
    await untilToldToStop((signal) =>
      runUnits([driver], signal, () => process.stdout.write(`ready: node ${place.name}\n`)),
    );
    return 0;
  } finally {
    await transport.close();
  }
}
