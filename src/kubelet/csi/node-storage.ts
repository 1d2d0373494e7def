import type { FeatureGates } from "../../api/feature-gates.ts";
import type { Pod } from "../../api/types.ts";
import { driverOfPlugin } from "../../core/selinux/persistent-volume.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { createInformer } from "../../machinery/informer.ts";
import { CSI_DRIVERS } from "../../machinery/resources.ts";
import { createUnitGroup, type Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CsiConnector } from "../../ports/csi.ts";
import type { Files } from "../../ports/files.ts";
import type { HostDisks } from "../../ports/host-disks.ts";
import type { HostFacts } from "../../ports/host-facts.ts";
import type { HostMounts } from "../../ports/host-mounts.ts";
import type { HostSELinux } from "../../ports/host-selinux.ts";
import type { Log } from "../../ports/log.ts";
import type { PluginSockets } from "../../ports/plugin-registration.ts";
import type { Random } from "../../ports/random.ts";
import { createPluginWatcher } from "../plugins/plugin-watcher.ts";
import type { PodEvents } from "../pods/pod-events.ts";
import { diskPluginDirectory } from "../../core/volumes/disk-paths.ts";
import { type ApplyGroup, applyGroup } from "../volumes/apply-group.ts";
import { createFibreChannelWays, createIscsiWays } from "../volumes/disk-kinds.ts";
import { createDiskPlugin } from "../volumes/disk-plugin.ts";
import type { NodeVolumeSpec } from "../volumes/node-volume-plugin.ts";
import { createNodeVolumes, type NodeVolumes } from "../volumes/node-volumes.ts";
import { createSELinuxDemands, type SELinuxDemands } from "../volumes/selinux-demands.ts";
import type { ObserveSELinux } from "../volumes/selinux-metrics.ts";
import type { ServiceAccountTokens } from "../volumes/service-account-tokens.ts";
import { createAllocatableUpdates } from "./allocatable-updates.ts";
import { createCsiDrivers } from "./csi-drivers.ts";
import { createCsiNodeObject } from "./csi-node-object.ts";
import type { ObserveCsi } from "./csi-operations.ts";
import { createCsiObjects } from "./csi-objects.ts";
import { createCsiPlugin } from "./csi-plugin.ts";
import { createCsiTokens } from "./csi-tokens.ts";
import { createVolumeCare } from "./volume-care.ts";
import { createVolumeStatistics } from "./volume-statistics.ts";

export interface NodeStorageDeps {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly files: Files;
  readonly mounts: HostMounts;
  readonly selinux: HostSELinux;
  readonly host: Pick<HostFacts, "filesystem">;
  readonly csi: CsiConnector;
  readonly pluginSockets: PluginSockets;
  readonly disks: HostDisks;
  /** SHA-256 in hexadecimal digits. */
  readonly digest: (text: string) => string;
  readonly tokens: Pick<ServiceAccountTokens, "issued">;
  readonly events: PodEvents;
  readonly observeSELinux: ObserveSELinux;
  readonly observeCsi: ObserveCsi;
  /** See NodeStatusService. */
  readonly reportVolumesInUse: (signal: AbortSignal) => Promise<void>;
}

export interface NodeStorageOptions {
  /** The kubelet's root directory. */
  readonly root: string;
  readonly nodeName: string;
  readonly gates: FeatureGates;
}

/** Volumes pods of the node may share, and the drivers that mount them. */
export interface NodeStorage {
  readonly volumes: NodeVolumes;
  readonly demands: SELinuxDemands;
  /** How full a volume is; undefined when it can not be told. */
  readonly usageOf: ReturnType<typeof createVolumeStatistics>;
  readonly careFor: (spec: NodeVolumeSpec, signal: AbortSignal) => Promise<void>;
  /** Called when a volume was unmounted or a driver came: who waits for one may look. */
  onFreed(listener: () => void): void;
  /** Why the node is not ready for pods with CSI volumes; undefined when it is. */
  problem(): string | undefined;
  readonly unit: Unit;
}

export function createNodeStorage(deps: NodeStorageDeps, options: NodeStorageOptions): NodeStorage {
  const { client, clock, random, log } = deps;
  const driverObjects = createInformer({ client, clock, random, log }, { resource: CSI_DRIVERS });
  const nodeObject = createCsiNodeObject({ client, clock, random, log }, options);
  const drivers = createCsiDrivers({ connector: deps.csi, nodeObject, observe: deps.observeCsi, clock, log });
  const objects = createCsiObjects(
    { client, clock, drivers: driverObjects, digest: deps.digest, reportInUse: deps.reportVolumesInUse },
    options,
  );
  const ownerChange: ApplyGroup = (path, access, onlyOnRootMismatch, signal) =>
    applyGroup(deps.files, path, access, onlyOnRootMismatch, signal);
  const diskDeps = { disks: deps.disks, files: deps.files, secret: objects.secret };
  const disks = { disks: deps.disks, files: deps.files, mounts: deps.mounts, applyGroup: ownerChange };
  const iscsiWays = createIscsiWays(diskDeps, { directory: diskPluginDirectory(options.root, "iscsi") });
  const iscsi = createDiskPlugin({ ...disks, ways: iscsiWays }, { root: options.root, kind: "iscsi" });
  const fc = createDiskPlugin({ ...disks, ways: createFibreChannelWays(diskDeps) }, { root: options.root, kind: "fc" });
  const csi = createCsiPlugin(
    {
      drivers,
      objects,
      tokens: createCsiTokens(deps.tokens),
      files: deps.files,
      mounts: deps.mounts,
      applyGroup: ownerChange,
      digest: deps.digest,
      log,
    },
    options,
  );
  const demands = createSELinuxDemands(
    { host: deps.selinux, observe: deps.observeSELinux, log },
    {
      mountReadWriteOncePod: options.gates.enabled("SELinuxMountReadWriteOncePod"),
      mount: options.gates.enabled("SELinuxMount"),
    },
  );
  const volumes = createNodeVolumes({
    pluginFor(id) {
      if (driverOfPlugin(id) !== undefined) return csi;
      if (id.startsWith("kubernetes.io/iscsi/")) return iscsi;
      return id.startsWith("kubernetes.io/fc/") ? fc : undefined;
    },
    plugins: [csi, iscsi, fc],
    demands,
    observe: deps.observeSELinux,
    clock,
    log,
  });
  const care = createVolumeCare(
    {
      client,
      drivers,
      objects,
      volumes,
      digest: deps.digest,
      log,
      tell: (pod: Pod, event) => deps.events.record(pod, event),
    },
    options,
  );
  const plugins = createPluginWatcher(
    { files: deps.files, sockets: deps.pluginSockets, clock, random, log, handlers: { CSIPlugin: drivers.handler } },
    options,
  );
  const limits = createAllocatableUpdates({
    registered: drivers.registered,
    driver: objects.driver,
    refresh: drivers.refresh,
    clock,
    log,
  });
  const parts = [inBackground(driverObjects), nodeObject.unit, plugins, volumes.unit];
  if (options.gates.enabled("MutableCSINodeAllocatableCount")) parts.push(limits);
  return {
    volumes,
    demands,
    careFor: care,
    usageOf: createVolumeStatistics({ drivers, digest: deps.digest, host: deps.host }),
    onFreed(listener) {
      volumes.onFreed(listener);
      drivers.onRegistered(listener);
    },
    problem: nodeObject.problem,
    unit: createUnitGroup("storage", parts, "together"),
  };
}

/** Nobody waits for its first success: until then objects are asked for one by one. */
function inBackground(unit: Unit): Unit {
  return {
    name: unit.name,
    run: (signal, ready) => {
      ready();
      return unit.run(signal, () => undefined);
    },
  };
}
