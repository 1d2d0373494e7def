import { hostname } from "node:os";
import type { ClusterConnection } from "../adapters/cluster/connection.ts";
import { inClusterConnection } from "../adapters/cluster/in-cluster.ts";
import { loadKubeconfig } from "../adapters/cluster/kubeconfig.ts";
import { createClusterTransport } from "../adapters/cluster/transport.ts";
import { ORLOP_VERSION } from "../api/version.ts";
import type { ControllerManagerOptions } from "../cli/commands.ts";
import { UsageError } from "../cli/usage-error.ts";
import { selectControllers } from "../controllers/index.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import { createLeaderElected } from "../machinery/leader-election.ts";
import { runUnits } from "../machinery/unit.ts";
import { createControllerManager } from "./controllers.ts";
import { featureGatesOf } from "./feature-gate-flags.ts";
import { untilToldToStop } from "./process-signal.ts";
import { systemDeps } from "./system.ts";

/** `orlop controller-manager`: the controllers against any API server, one leader at a time. */
export async function controllerManager(options: ControllerManagerOptions): Promise<number> {
  const deps = systemDeps(options.logLevel);
  featureGatesOf(options, deps.log);
  const names = selectControllers(options.controllers);
  if (!names.ok) throw new UsageError(`invalid value for --controllers: ${names.reason}`);
  const connection = await findConnection(options.kubeconfig);
  const transport = createClusterTransport(connection, deps);
  try {
    const manager = createControllerManager(deps, transport, names.value, {});
    const elected = options.leaderElect
      ? createLeaderElected(
          {
            client: createClusterClient({ transport, userAgent: `orlop-leader-election/${ORLOP_VERSION}` }),
            clock: deps.clock,
            random: deps.random,
            log: deps.log,
          },
          {
            namespace: "kube-system",
            name: "orlop-controller-manager",
            identity: `${hostname()}_${deps.random.uuid()}`,
          },
          manager,
        )
      : manager;
    await untilToldToStop((signal) => runUnits([elected], signal));
    return 0;
  } finally {
    await transport.close();
  }
}

async function findConnection(kubeconfig: string | undefined): Promise<ClusterConnection> {
  if (kubeconfig !== undefined) return loadKubeconfig(kubeconfig);
  const host = process.env["KUBERNETES_SERVICE_HOST"];
  const port = process.env["KUBERNETES_SERVICE_PORT"];
  if (host === undefined || port === undefined) {
    throw new UsageError(
      "no --kubeconfig was given and KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is not a pod",
    );
  }
  return inClusterConnection({ host, port });
}
