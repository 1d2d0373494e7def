import {
  type ControllerDeps,
  type ControllerName,
  type ControllerOptions,
  createControllers,
  createSchedulerController,
} from "../controllers/index.ts";
import {
  createVolumeProvisioner,
  type VolumeProvisionerOptions,
} from "../controllers/volume-provisioner/volume-provisioner.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import { createEvents } from "../machinery/events.ts";
import { createInformers } from "../machinery/informers.ts";
import { createUnitGroup, type Unit } from "../machinery/unit.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import { ORLOP_VERSION } from "../api/version.ts";
import type { SystemDeps } from "./system.ts";

/** The named controllers over one identity's way to an API server. */
export function createControllerManager(
  deps: SystemDeps,
  transport: ClusterTransport,
  names: readonly ControllerName[],
  options: ControllerOptions,
): Unit {
  return overCluster(deps, transport, "controller-manager", (controllerDeps) =>
    createControllers(names, controllerDeps, options),
  );
}

export function createScheduler(deps: SystemDeps, transport: ClusterTransport): Unit {
  return overCluster(deps, transport, "scheduler", (controllerDeps) => [createSchedulerController(controllerDeps)]);
}

/** The provisioner of a CSI driver on one node. */
export function createProvisioner(
  deps: SystemDeps,
  transport: ClusterTransport,
  options: VolumeProvisionerOptions,
): Unit {
  return overCluster(deps, transport, "volume-provisioner", (controllerDeps) => [
    createVolumeProvisioner(controllerDeps, options),
  ]);
}

/** Controllers ask for informers and recorders while they are made; these run before them. */
function overCluster(
  { clock, random, digest, log: parent }: SystemDeps,
  transport: ClusterTransport,
  component: string,
  make: (deps: ControllerDeps) => readonly Unit[],
): Unit {
  const log = parent.with({ component });
  const client = createClusterClient({ transport, userAgent: `orlop-${component}/${ORLOP_VERSION}` });
  const informers = createInformers({ client, clock, random, log });
  const events = createEvents({ client, clock, random, log });
  const controllers = make({ client, informers, events, clock, random, log, digest });
  return createUnitGroup(
    component,
    [events.unit, informers.unit, createUnitGroup("controllers", controllers, "together")],
    "in-order",
  );
}
