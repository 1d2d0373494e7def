import { join, resolve } from "node:path";
import type { ApiServerOptions } from "../cli/commands.ts";
import { runUnits } from "../machinery/unit.ts";
import { apiServerAddress, apiServerUrl } from "./api-server-address.ts";
import { apiServerSettings } from "./api-server-settings.ts";
import { clusterPki } from "./cluster-pki.ts";
import { createControlPlane } from "./control-plane.ts";
import { withDataDirectory } from "./data-directory.ts";
import { featureGatesOf } from "./feature-gate-flags.ts";
import { checkMachine } from "./machine.ts";
import { findNodePlace } from "./node-place.ts";
import { untilToldToStop } from "./process-signal.ts";
import { systemDeps } from "./system.ts";

/** `orlop apiserver`: the embedded API server alone, for tests and for control planes put together by hand. */
export async function apiserver(options: ApiServerOptions): Promise<number> {
  await checkMachine({ node: false, command: "orlop apiserver" });
  const deps = systemDeps(options.logLevel);
  const gates = featureGatesOf(options, deps.log);
  const settings = await apiServerSettings(options);
  const place = await findNodePlace({});
  const dataDir = resolve(options.dataDir);
  const serve = async (signal: AbortSignal): Promise<void> => {
    const address = apiServerAddress(options.bindAddress, place.addresses[0]);
    const kubeconfig = join(dataDir, "admin.kubeconfig");
    const pki = await clusterPki(deps, {
      dataDir,
      place: { ...place, addresses: [address, ...place.addresses.filter((other) => other !== address)] },
      kubeconfig,
      server: apiServerUrl(address, options.securePort),
    });
    const { unit } = createControlPlane(deps, {
      dataDir,
      pki,
      bindAddress: options.bindAddress,
      securePort: options.securePort,
      advertiseAddress: place.addresses[0],
      gates,
      connectMode: "enforce",
      ...settings,
    });
    await runUnits([pki.unit, unit], signal, () => {
      process.stdout.write(`ready: export KUBECONFIG=${kubeconfig}\n`);
    });
  };
  await untilToldToStop((signal) => withDataDirectory(dataDir, () => serve(signal)));
  return 0;
}
