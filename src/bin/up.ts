import { join, resolve } from "node:path";
import { createCertificateSigner } from "../adapters/tls/certificate-signer.ts";
import type { User } from "../api/user.ts";
import { CONTROLLER_NAMES } from "../controllers/index.ts";
import type { UpOptions } from "../cli/commands.ts";
import { runUnits, type Unit } from "../machinery/unit.ts";
import { writeAdminKubeconfig } from "./admin-kubeconfig.ts";
import { clusterPki } from "./cluster-pki.ts";
import { createControllerManager, createScheduler } from "./controllers.ts";
import { createControlPlane } from "./control-plane.ts";
import { holdDataDirectory } from "./data-directory.ts";
import { featureGatesOf } from "./feature-gate-flags.ts";
import { checkMachine } from "./machine.ts";
import { createOwnNode } from "./own-node.ts";
import { findNodePlace } from "./node-place.ts";
import { untilToldToStop } from "./process-signal.ts";
import { systemDeps } from "./system.ts";

const CONTROLLER_MANAGER = identity("system:kube-controller-manager");
const SCHEDULER = identity("system:kube-scheduler");

function identity(name: string, ...groups: readonly string[]): User {
  return { name, groups: [...groups, "system:authenticated"], extra: {} };
}

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
    const signer = createCertificateSigner({ authority: pki.authority, clock: deps.clock });
    const controllers: readonly Unit[] = [
      createControllerManager(deps, controlPlane.connect(CONTROLLER_MANAGER), CONTROLLER_NAMES, {
        rootCa: pki.authorityPem,
        signer,
        namesOfNode: (node) => (node === place.name ? [place.name, ...place.addresses] : undefined),
        singleApiServer: true,
      }),
      createScheduler(deps, controlPlane.connect(SCHEDULER)),
    ];
    const node = options.node
      ? [
          createOwnNode(deps, options, {
            dataDir,
            place,
            pki,
            gates,
            transport: controlPlane.connect(identity(`system:node:${place.name}`, "system:nodes")),
          }),
        ]
      : [];
    await untilToldToStop((signal) =>
      runUnits([controlPlane.unit, ...controllers, ...node], signal, () => {
        process.stdout.write(`ready: export KUBECONFIG=${kubeconfig}\n`);
      }),
    );
    return 0;
  } finally {
    await release();
  }
}
