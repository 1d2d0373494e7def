import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { createClusterTransport } from "../adapters/cluster/transport.ts";
import { ORLOP_VERSION } from "../api/version.ts";
import type { ControllerManagerOptions } from "../cli/commands.ts";
import { UsageError } from "../cli/usage-error.ts";
import { selectControllers } from "../controllers/index.ts";
import { createClientAuthoritiesLookup } from "../machinery/client-authorities.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import { createLeaderElected, type LeaderElectionOptions } from "../machinery/leader-election.ts";
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
  let clientAuthorities = options.clientCaFile === undefined ? undefined : await readFile(options.clientCaFile, "utf8");
  const connection = await findConnection(options.kubeconfig);
  const transport = createClusterTransport(connection, deps);
  try {
    const defaults = labelDefaultsOf(options);
    const state: ManagerState = {
      phase: options.leaderElect ? "waiting" : "starting",
      view: undefined,
      ...(options.leaderElect && { lease: options.leaderElectResourceName }),
    };
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
      ? createLeaderElected({ ...deps, client }, electionOf(options, deps.random.uuid()), manager)
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
              clientAuthorities: () => clientAuthorities,
            }),
          ];
    const lookup =
      options.securePort === 0 || clientAuthorities !== undefined || options.authenticationSkipLookup
        ? []
        : [
            createClientAuthoritiesLookup({
              ...deps,
              client,
              use: (pem) => {
                clientAuthorities = pem;
              },
            }),
          ];
    await untilToldToStop((signal) => runUnits([...serving, ...lookup, elected], signal));
    return 0;
  } finally {
    await transport.close();
  }
}

function electionOf(options: ControllerManagerOptions, unique: string): LeaderElectionOptions {
  const times = {
    leaseDurationMs: options.leaderElectLeaseDuration,
    renewDeadlineMs: options.leaderElectRenewDeadline,
    retryPeriodMs: options.leaderElectRetryPeriod,
  };
  // As client-go: a retry is delayed by up to 1.2 times its period.
  if (times.leaseDurationMs <= times.renewDeadlineMs || times.renewDeadlineMs <= 1.2 * times.retryPeriodMs) {
    throw new UsageError(
      "--leader-elect-lease-duration must be longer than --leader-elect-renew-deadline, and that longer than 1.2 times --leader-elect-retry-period",
    );
  }
  return {
    namespace: options.leaderElectResourceNamespace,
    name: options.leaderElectResourceName,
    identity: `${hostname()}_${unique}`,
    ...times,
  };
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
