import { join, resolve } from "node:path";
import type { UpOptions } from "../cli/commands.ts";
import { runUnits, type Unit } from "../machinery/unit.ts";
import { writeAdminKubeconfig } from "./admin-kubeconfig.ts";
import { clusterPki } from "./cluster-pki.ts";
import { createControlPlane } from "./control-plane.ts";
import { holdDataDirectory } from "./data-directory.ts";
import { featureGatesOf } from "./feature-gate-flags.ts";
import { checkMachine } from "./machine.ts";
import { findNodePlace } from "./node-place.ts";
import { untilToldToStop } from "./process-signal.ts";
import { systemDeps } from "./system.ts";

/** `orlop up`: API server, controllers and kubelet in one process, with a container runtime beside it. */
export async function up(options: UpOptions): Promise<number> {
  await checkMachine({ node: options.node, command: "orlop up" });
  const deps = systemDeps(options.logLevel);
  const gates = featureGatesOf(options, deps.log);
  const place = await findNodePlace(options);
  const dataDir = resolve(options.dataDir);
  const release = await holdDataDirectory(dataDir);
  try {
    const pki = await clusterPki(deps, dataDir, place);
    const [address] = place.addresses;
    const kubeconfig = join(dataDir, "admin.kubeconfig");
    await writeAdminKubeconfig(kubeconfig, {
      server: `https://${address}:${options.securePort}`,
      authorityPem: pki.authorityPem,
      certificatePem: pki.admin.certificatePem,
      privateKeyPem: pki.admin.privateKeyPem,
    });
    const controlPlane = createControlPlane(deps, {
      dataDir,
      pki,
      bindAddress: "0.0.0.0",
      securePort: options.securePort,
      advertiseAddress: address,
      gates,
      connectMode: options.connectAuthorization,
    });
    const units: Unit[] = [controlPlane.unit];
    await untilToldToStop((signal) =>
      runUnits(units, signal, () => {
        process.stdout.write(`ready: export KUBECONFIG=${kubeconfig}\n`);
      }),
    );
    return 0;
  } finally {
    await release();
  }
}
