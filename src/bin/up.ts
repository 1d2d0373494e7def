import { join, resolve } from "node:path";
import { createCertificateSigner } from "../adapters/tls/certificate-signer.ts";
import type { FeatureGates } from "../api/feature-gates.ts";
import type { User } from "../api/user.ts";
import { type ControllerName, selectControllers } from "../controllers/index.ts";
import type { UpOptions } from "../cli/commands.ts";
import { UsageError } from "../cli/usage-error.ts";
import { runUnits, type Unit } from "../machinery/unit.ts";
import { apiServerUrl } from "./api-server-address.ts";
import { type ApiServerSettings, apiServerSettings } from "./api-server-settings.ts";
import { clusterPki } from "./cluster-pki.ts";
import { createControllerManager, createScheduler } from "./controllers.ts";
import { createControlPlane } from "./control-plane.ts";
import { withDataDirectory } from "./data-directory.ts";
import { featureGatesOf } from "./feature-gate-flags.ts";
import { checkMachine } from "./machine.ts";
import { createDefaultStorage } from "./default-storage.ts";
import { createOwnNode } from "./own-node.ts";
import { createManagerServing, type ManagerState } from "./manager-serving.ts";
import { findNodePlace, type NodePlace } from "./node-place.ts";
import { untilToldToStop } from "./process-signal.ts";
import { labelDefaultsOf } from "./selinux-flags.ts";
import { type SystemDeps, systemDeps } from "./system.ts";

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
  const names = selectControllers(options.controllers);
  if (!names.ok) throw new UsageError(`invalid value for --controllers: ${names.reason}`);
  const settings = await apiServerSettings(options);
  const place = await findNodePlace(options);
  const dataDir = resolve(options.dataDir);
  await untilToldToStop((signal) =>
    withDataDirectory(dataDir, async () => {
      const cluster = { ...options, dataDir, place, gates, settings, controllerNames: names.value };
      const { units, kubeconfig } = await assemble(deps, cluster);
      await runUnits(units, signal, () => {
        process.stdout.write(`ready: export KUBECONFIG=${kubeconfig}\n`);
      });
    }),
  );
  return 0;
}

interface ClusterOptions extends UpOptions {
  readonly place: NodePlace;
  readonly gates: FeatureGates;
  readonly settings: ApiServerSettings;
  readonly controllerNames: readonly ControllerName[];
}

/** All parts of the cluster, in the order they start. */
async function assemble(
  deps: SystemDeps,
  options: ClusterOptions,
): Promise<{ readonly units: readonly Unit[]; readonly kubeconfig: string }> {
  const { dataDir, place, gates } = options;
  const [address] = place.addresses;
  const kubeconfig = join(dataDir, "admin.kubeconfig");
  const pki = await clusterPki(deps, {
    dataDir,
    place,
    kubeconfig,
    server: apiServerUrl(address, options.securePort),
  });
  const { authority, authorityPem } = pki.current();
  const controlPlane = createControlPlane(deps, {
    dataDir,
    pki,
    bindAddress: "0.0.0.0",
    securePort: options.securePort,
    advertiseAddress: address,
    gates,
    connectMode: options.connectAuthorization,
    ...options.settings,
  });
  const signer = createCertificateSigner({ authority, clock: deps.clock });
  const defaults = labelDefaultsOf(options);
  const state: ManagerState = { phase: "running", view: undefined };
  const controllers: readonly Unit[] = [
    createControllerManager(deps, controlPlane.connect(CONTROLLER_MANAGER), options.controllerNames, {
      selinuxWarning: {
        ...(defaults !== undefined && { defaults }),
        ...(options.selinuxReport !== undefined && { publishTo: options.selinuxReport }),
        show: (view) => {
          state.view = view;
        },
      },
      rootCa: authorityPem,
      signer,
      namesOfNode: (node) => (node === place.name ? [place.name, ...place.addresses] : undefined),
      singleApiServer: true,
    }),
    createScheduler(deps, controlPlane.connect(SCHEDULER)),
    ...(options.controllerManagerPort === 0
      ? []
      : [
          createManagerServing(deps, controlPlane.connect(CONTROLLER_MANAGER), state, {
            host: "0.0.0.0",
            port: options.controllerManagerPort,
            clientAuthorities: () => authorityPem,
            seriesLimit: options.selinuxConflictSeries,
          }),
        ]),
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
  const storage =
    options.node && options.defaultStorage
      ? [createDefaultStorage(deps, controlPlane, { dataDir, nodeName: place.name })]
      : [];
  return { units: [pki.unit, controlPlane.unit, ...controllers, ...storage, ...node], kubeconfig };
}
