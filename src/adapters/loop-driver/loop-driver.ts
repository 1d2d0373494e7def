import { chmod, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ORLOP_VERSION } from "../../api/version.ts";
import { LOOP_DRIVER, LOOP_TOPOLOGY_KEY } from "../../api/loop-driver.ts";
import type { HostMounts } from "../../ports/host-mounts.ts";
import type { Log } from "../../ports/log.ts";
import {
  ControllerDefinition,
  IdentityDefinition,
  NodeDefinition,
  PluginCapability_Service_Type,
  PluginCapability_VolumeExpansion_Type,
} from "../csi/generated/csi.ts";
import { RegistrationDefinition } from "../csi/generated/plugin-registration.ts";
import { createGrpcServer, type GrpcServer, type ServiceHandlers } from "../grpc/server.ts";
import { createControllerService } from "./controller-service.ts";
import { createLoopDevices, type LoopDevices } from "./loop-devices.ts";
import { createNodeService } from "./node-service.ts";
import { createOneAtATime } from "./one-at-a-time.ts";
import { createVolumeDirectory } from "./volume-directory.ts";
import { createVolumeMounts } from "./volume-mounts.ts";

export interface LoopDriverDeps {
  readonly mounts: HostMounts;
  readonly log: Log;
  /** @default the kernel's */
  readonly loops?: LoopDevices;
}

export interface LoopDriverOptions {
  /** Where images of volumes are, absolute. */
  readonly directory: string;
  /** The kubelet's root directory, absolute: sockets are made below it. */
  readonly kubeletRoot: string;
  readonly nodeName: string;
}

/** A CSI driver whose volumes are files of this machine, mounted through loop devices. */
export interface LoopDriver {
  readonly name: string;
  /** Serves until the signal aborts. Mounts stay: pods keep their volumes, and the next run finds them. */
  run(signal: AbortSignal, ready: () => void): Promise<void>;
}

/** Where the driver of a kubelet listens. */
export function loopDriverSocket(kubeletRoot: string): string {
  return join(kubeletRoot, "plugins", LOOP_DRIVER, "csi.sock");
}

export function createLoopDriver(deps: LoopDriverDeps, options: LoopDriverOptions): LoopDriver {
  const { directory, kubeletRoot, nodeName } = options;
  const loops = deps.loops ?? createLoopDevices();
  const volumes = createVolumeDirectory(directory);
  const mounts = createVolumeMounts({ mounts: deps.mounts, loops }, directory);
  const oneAtATime = createOneAtATime();
  const topology = { [LOOP_TOPOLOGY_KEY]: nodeName };
  const socket = loopDriverSocket(kubeletRoot);
  const registration = join(kubeletRoot, "plugins_registry", `${LOOP_DRIVER}-reg.sock`);

  return {
    name: "csi-driver",
    async run(signal, ready) {
      await volumes.prepare();
      for (const device of await mounts.freeUnused(signal)) {
        deps.log.info("freed a loop device that an earlier run left", { device });
      }
      const driver = createGrpcServer();
      driver.add(IdentityDefinition, identity);
      driver.add(ControllerDefinition, createControllerService({ volumes, mounts, oneAtATime }, { topology }));
      driver.add(
        NodeDefinition,
        createNodeService(
          { volumes, mounts, host: deps.mounts, loops, oneAtATime },
          { directory, nodeId: nodeName, topology },
        ),
      );
      const registrar = createGrpcServer();
      registrar.add(RegistrationDefinition, {
        getInfo: async () => ({ type: "CSIPlugin", name: LOOP_DRIVER, endpoint: socket, supportedVersions: ["1.0.0"] }),
        notifyRegistrationStatus: async ({ pluginRegistered, error }) => {
          if (pluginRegistered) deps.log.info("the kubelet knows the driver", { driver: LOOP_DRIVER });
          else deps.log.warn("the kubelet refused the driver", { driver: LOOP_DRIVER, error });
          return {};
        },
      });
      try {
        await listen(driver, socket);
        await listen(registrar, registration);
        ready();
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          else signal.addEventListener("abort", () => resolve(), { once: true });
        });
      } finally {
        registrar.close();
        driver.close();
        await rm(registration, { force: true });
        await rm(socket, { force: true });
      }
    },
  };
}

/** Only root may talk to the driver. */
async function listen(server: GrpcServer, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  await rm(path, { force: true });
  await server.listen(path);
  await chmod(path, 0o600);
}

const identity: ServiceHandlers<typeof IdentityDefinition> = {
  getPluginInfo: async () => ({ name: LOOP_DRIVER, vendorVersion: ORLOP_VERSION, manifest: {} }),
  getPluginCapabilities: async () => ({
    capabilities: [
      { service: { type: PluginCapability_Service_Type.CONTROLLER_SERVICE }, volumeExpansion: undefined },
      { service: { type: PluginCapability_Service_Type.VOLUME_ACCESSIBILITY_CONSTRAINTS }, volumeExpansion: undefined },
      { service: undefined, volumeExpansion: { type: PluginCapability_VolumeExpansion_Type.ONLINE } },
    ],
  }),
  probe: async () => ({ ready: { value: true } }),
};
