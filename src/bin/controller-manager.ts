import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { createClusterTransport } from "../adapters/cluster/transport.ts";
import { ORLOP_VERSION } from "../api/version.ts";
import type { ControllerManagerOptions } from "../cli/commands.ts";
import { UsageError } from "../cli/usage-error.ts";
import { selectControllers } from "../controllers/index.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import { createLeaderElected } from "../machinery/leader-election.ts";
import { runUnits, type Unit } from "../machinery/unit.ts";
import { findConnection } from "./cluster-connection.ts";
import { createControllerManager } from "./controllers.ts";
import { featureGatesOf } from "./feature-gate-flags.ts";
import { createManagerServing, type ManagerState, readServingCertificate } from "./manager-serving.ts";
import { untilToldToStop } from "./process-signal.ts";
import { labelDefaultsOf } from "./selinux-flags.ts";
import { systemDeps } from "./system.ts";

/** `orlop controller-manager`: the controllers against any API server, one leader at a time. */
export async function controllerManager(options: ControllerManagerOptions): Promise<number> {
  const deps = systemDeps(options.logLevel);
  featureGatesOf(options, deps.log);
  const names = selectControllers(options.controllers);
  if (!names.ok) throw new UsageError(`invalid value for --controllers: ${names.reason}`);
  const certificate = await readServingCertificate(options.tlsCertFile, options.tlsPrivateKeyFile);
  const clientAuthorities =
    options.clientCaFile === undefined ? undefined : await readFile(options.clientCaFile, "utf8");
  const connection = await findConnection(options.kubeconfig);
  const transport = createClusterTransport(connection, deps);
  try {
    const defaults = labelDefaultsOf(options);
    const state: ManagerState = { phase: options.leaderElect ? "waiting" : "starting", view: undefined };
    const manager = observed(
      createControllerManager(deps, transport, names.value, {
        selinuxWarning: {
          ...(defaults !== undefined && { defaults }),
          ...(options.selinuxReport !== undefined && { publishTo: options.selinuxReport }),
          show: (view) => {
            state.view = view;
          },
        },
      }),
      state,
    );
    const client = createClusterClient({ transport, userAgent: `orlop-leader-election/${ORLOP_VERSION}` });
    const elected = options.leaderElect
      ? createLeaderElected(
          { ...deps, client },
          {
            namespace: options.leaderElectResourceNamespace,
            name: options.leaderElectResourceName,
            identity: `${hostname()}_${deps.random.uuid()}`,
          },
          manager,
        )
      : manager;
    const serving =
      options.securePort === 0
        ? []
        : [
            createManagerServing(deps, transport, state, {
              host: options.bindAddress,
              port: options.securePort,
              seriesLimit: options.selinuxConflictSeries,
              ...(certificate !== undefined && { certificate }),
              ...(clientAuthorities !== undefined && { clientAuthorities }),
            }),
          ];
    await untilToldToStop((signal) => runUnits([...serving, elected], signal));
    return 0;
  } finally {
    await transport.close();
  }
}

/** Notes in the state how far a unit has come. */
export function observed(unit: Unit, state: ManagerState): Unit {
  return {
    name: unit.name,
    async run(signal, ready) {
      state.phase = "starting";
      await unit.run(signal, () => {
        state.phase = "running";
        ready();
      });
    },
  };
}
