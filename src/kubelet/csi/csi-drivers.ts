import { highestSupportedVersion } from "../../core/csi/plugin-version.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { CsiConnection, CsiConnector, CsiNode } from "../../ports/csi.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { PluginHandler } from "../plugins/plugin-watcher.ts";
import type { CsiNodeObject } from "./csi-node-object.ts";
import { observedNode, type ObserveCsi } from "./csi-operations.ts";

/** The CSI drivers that are registered on this node now. */
export interface CsiDrivers {
  /** Throws Unavailable while it is not registered: drivers come back. */
  node(driver: string): CsiNode;
  readonly handler: PluginHandler;
  registered(): readonly string[];
  /** Asks a registered driver about the node again, and shows the answer. */
  refresh(driver: string, signal: AbortSignal): Promise<void>;
  /** Called when a driver was registered; what waited for it can go on. */
  onRegistered(listener: (driver: string) => void): void;
}

export interface CsiDriversDeps {
  readonly connector: CsiConnector;
  readonly nodeObject: Pick<CsiNodeObject, "install" | "uninstall">;
  readonly observe: ObserveCsi;
  readonly clock: Clock;
  readonly log: Log;
}

export function createCsiDrivers(deps: CsiDriversDeps): CsiDrivers {
  const connections = new Map<string, { readonly connection: CsiConnection; readonly node: CsiNode }>();
  const listeners: ((driver: string) => void)[] = [];
  const drop = (name: string): void => {
    connections.get(name)?.connection.close();
    connections.delete(name);
  };
  return {
    node(driver) {
      const known = connections.get(driver);
      if (known !== undefined) return known.node;
      throw new OrlopError("Unavailable", `driver name ${driver} not found in the list of registered CSI drivers`);
    },
    registered: () => [...connections.keys()],
    async refresh(driver, signal) {
      const known = connections.get(driver);
      if (known === undefined) return;
      await deps.nodeObject.install({ name: driver, ...(await known.connection.nodeInformation(signal)) }, signal);
    },
    onRegistered: (listener) => listeners.push(listener),
    handler: {
      async register({ name, endpoint, supportedVersions }, signal) {
        const version = highestSupportedVersion(supportedVersions);
        if (!version.ok) {
          throw new OrlopError(
            "Unsupported",
            `validation failed for CSI Driver ${name} at ${endpoint}: ${version.reason}`,
          );
        }
        const connection = deps.connector.connect(endpoint);
        try {
          const information = await connection.nodeInformation(signal);
          if (information.nodeId === "") {
            throw new OrlopError("Invalid", `CSI driver ${name} answered NodeGetInfo without a node id`);
          }
          await deps.nodeObject.install({ name, ...information }, signal);
        } catch (reason) {
          connection.close();
          throw reason;
        }
        // Only now: calls that are under way keep the connection of the driver as it was before.
        drop(name);
        connections.set(name, { connection, node: observedNode(connection.node, name, deps.observe, deps.clock) });
        deps.log.info("A CSI driver is ready", { driver: name, version: version.value });
        for (const listener of listeners) listener(name);
      },
      async deregister({ name }, signal) {
        drop(name);
        await deps.nodeObject.uninstall(name, signal);
        deps.log.info("A CSI driver is gone", { driver: name });
      },
    },
  };
}
