import { createHash } from "node:crypto";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { createCsiConnector } from "../adapters/csi/csi-connector.ts";
import { createPluginSockets } from "../adapters/csi/plugin-sockets.ts";
import { createFiles } from "../adapters/files/files.ts";
import { createMemoryMounts, type MemoryMounts } from "../adapters/memory/mounts.ts";
import type { CSIDriver, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec } from "../api/types.ts";
import type { CsiOperation } from "../kubelet/csi/csi-operations.ts";
import { createNodeStorage, type NodeStorage } from "../kubelet/csi/node-storage.ts";
import type { PodEvent } from "../kubelet/pods/pod-events.ts";
import { createSELinuxMetrics } from "../kubelet/volumes/selinux-metrics.ts";
import { createServiceAccountTokens } from "../kubelet/volumes/service-account-tokens.ts";
import { createVolumeManager, type VolumeManager } from "../kubelet/volumes/volume-manager.ts";
import { hasReason } from "../machinery/answer-error.ts";
import { type ClusterClient, createClusterClient } from "../machinery/cluster-client.ts";
import {
  CSI_DRIVERS,
  NAMESPACES,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
} from "../machinery/resources.ts";
import type { Clock } from "../ports/clock.ts";
import type { HostSELinux } from "../ports/host-selinux.ts";
import { startTestApiServer, testGates } from "./api-server.ts";
import type { PodVolumes } from "../kubelet/pod-volumes.ts";
import { createFakeCsiDriver, type FakeCsiDriver, type FakeCsiDriverOptions } from "./fake-csi-driver.ts";
import { quietLog, seededRandom } from "./quiet.ts";

export const VOLUME_NODE = "node-1";

export interface VolumeNodeOptions {
  /** Whether the host has SELinux. @default false */
  readonly seLinux?: boolean;
  readonly gates?: Readonly<Record<string, boolean>>;
  /** Milliseconds a call to a driver may take. @default 2 s */
  readonly callTimeout?: number;
}

/**
 * The volumes of a node: the kubelet's own code on real files and real gRPC, an in-process API server, a mount table in
 * memory and SELinux as far as the kubelet sees it.
 */
export interface VolumeNode {
  readonly root: string;
  readonly client: ClusterClient;
  readonly mounts: MemoryMounts;
  readonly events: readonly (PodEvent & { readonly pod: string })[];
  /** What was asked of the host's iSCSI initiator. */
  readonly logins: readonly unknown[];
  /** Calls to drivers, as metrics see them. */
  readonly operations: readonly CsiOperation[];
  /** Of the kubelet that runs now. */
  storage(): NodeStorage;
  volumes(): VolumeManager["volumes"];
  manager(): VolumeManager;
  addDriver(
    object: Partial<CSIDriver["spec"]> | undefined,
    options?: Partial<FakeCsiDriverOptions>,
  ): Promise<FakeCsiDriver>;
  addVolume(
    name: string,
    options?: { readonly driver?: string; readonly spec?: Partial<PersistentVolume["spec"]> },
  ): Promise<void>;
  pod(name: string, volumes: PodSpec["volumes"], options?: PodOptions): Pod;
  prepare(pod: Pod): Promise<void>;
  release(pod: Pod): Promise<void>;
  /** What the runtime would be told of the first container's devices. */
  devices(pod: Pod): ReturnType<PodVolumes["devices"]>;
  /** Series of the seven SELinux metrics that are not 0. */
  selinuxSeries(): Promise<Readonly<Record<string, number>>>;
  /** Ends the kubelet without clean-up, as kill -9 does, and starts another. */
  restart(): Promise<void>;
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
  stop(): Promise<void>;
}

export interface PodOptions {
  readonly namespace?: string;
  readonly level?: string;
  readonly policy?: "Recursive" | "MountOption";
  readonly fsGroup?: number;
  readonly hostUsers?: boolean;
}

export const CONTEXTS =
  'process = "system_u:system_r:container_t:s0"\nfile = "system_u:object_r:container_file_t:s0"\n';
const SIGNAL = new AbortController().signal;

/** How much shorter waits are. Time limits shrink with them, so that a busy machine must still keep those. */
const HURRY = 20;

/** Time that passes faster: back-off is seen to happen without being waited for. */
function hurriedClock(): Clock {
  const started = performance.now();
  const since = (): number => (performance.now() - started) * HURRY;
  return {
    now: () => Date.UTC(2026, 0, 1) + since(),
    monotonic: since,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        const stop = (): void => {
          clearTimeout(timer);
          reject(signal.reason);
        };
        const timer = setTimeout(() => {
          signal.removeEventListener("abort", stop);
          resolve();
        }, milliseconds / HURRY);
        signal.addEventListener("abort", stop, { once: true });
      }),
  };
}

export async function startVolumeNode(options: VolumeNodeOptions = {}): Promise<VolumeNode> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "orlop-node-")));
  const sockets = await realpath(await mkdtemp(join(tmpdir(), "orlop-s-")));
  const clock = hurriedClock();
  const random = seededRandom(3);
  const log = quietLog();
  const api = await startTestApiServer({ clock });
  const client = createClusterClient({ transport: api.connect(), userAgent: "test" });
  const mounts = createMemoryMounts({ seLinux: options.seLinux === true });
  const files = createFiles();
  const events: (PodEvent & { readonly pod: string })[] = [];
  const drivers: FakeCsiDriver[] = [];
  const logins: unknown[] = [];
  const operations: CsiOperation[] = [];
  const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
  const selinux: HostSELinux = {
    read: async () => (options.seLinux === true ? { active: true, contextsFile: CONTEXTS } : { active: false }),
    isKnown: async (label) => !label.includes("unknown_u"),
  };
  await client.create(NODES, { metadata: { name: VOLUME_NODE } }, SIGNAL);
  await client
    .create({ ...NODES, resource: "namespaces", kind: "Namespace" }, { metadata: { name: "default" } }, SIGNAL)
    .catch(() => undefined);
  // The server makes "default" by itself, sooner or later.
  for (const name of ["default", "other"]) {
    await client.create(NAMESPACES, { metadata: { name } }, SIGNAL).catch((reason: unknown) => {
      if (!hasReason(reason, "AlreadyExists")) throw reason;
    });
  }

  let registry = new Registry();
  let running = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  let storage: NodeStorage;
  let manager: VolumeManager;

  const start = (): void => {
    registry = new Registry();
    running = new AbortController();
    const tokens = createServiceAccountTokens({ client, clock, random, log });
    storage = createNodeStorage(
      {
        client,
        clock,
        random,
        log,
        files,
        mounts,
        selinux,
        host: {
          filesystem: async () => {
            throw new Error("a filesystem without figures");
          },
        },
        csi: createCsiConnector({ timeout: options.callTimeout ?? 2_000 }),
        pluginSockets: createPluginSockets({ timeout: 2_000 }),
        disks: {
          attachIscsi: async ({ iqn, lun, chap }) => {
            logins.push({ iqn, lun, chap });
            return `/dev/iscsi-${lun}`;
          },
          detachIscsi: async ({ iqn, lun }, keepSession) => {
            logins.push({ iqn, lun, keepSession });
          },
          findFibreChannel: async () => "/dev/fc-disk",
          removeDisk: async () => undefined,
          prepareFilesystem: async () => undefined,
        },
        digest,
        tokens: {
          issued: async (pod, { audience }) => ({
            token: `token of ${pod.metadata?.name ?? ""} for ${audience ?? ""}`,
            expiresAt: Date.UTC(2026, 1, 1),
          }),
        },
        events: { record: (pod, event) => events.push({ ...event, pod: pod.metadata?.name ?? "" }) },
        observeSELinux: createSELinuxMetrics(registry),
        observeCsi: (operation) => operations.push(operation),
        reportVolumesInUse: async () => undefined,
      },
      { root, nodeName: VOLUME_NODE, gates: testGates(options.gates) },
    );
    manager = createVolumeManager(
      {
        files,
        mounts,
        subpaths: { makeDirectories: async () => undefined, bind: async () => undefined },
        client,
        tokens,
        clock,
        random,
        log,
        references: { configMap: async () => undefined, secret: async () => undefined, retain: () => undefined },
        allocatable: () => ({ cpu: "2", memory: "4Gi" }),
        podMemoryLimit: () => undefined,
        onReferenceChange: () => () => undefined,
        nodeVolumes: storage.volumes,
        careFor: storage.careFor,
        digest,
      },
      { root, clusterDomain: "cluster.local", tmpfsNoSwap: false, isSELinuxActive: storage.demands.isActive },
    );
    ended = storage.unit.run(running.signal, () => undefined);
  };
  const halt = async (): Promise<void> => {
    running.abort();
    await ended;
  };
  const until = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
    for (let turn = 0; turn < 500; turn += 1) {
      if (await condition()) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`waited in vain until ${what}`);
  };

  start();
  return {
    root,
    client,
    mounts,
    events,
    logins,
    operations,
    storage: () => storage,
    volumes: () => manager.volumes,
    manager: () => manager,
    async addDriver(object, given = {}) {
      const name = given.name ?? "fake.csi";
      if (object !== undefined) {
        await client.create(CSI_DRIVERS, { metadata: { name }, spec: { attachRequired: false, ...object } }, SIGNAL);
      }
      const driver = createFakeCsiDriver({
        name,
        directory: sockets,
        registry: `${root}/plugins_registry`,
        mounts,
        ...given,
      });
      drivers.push(driver);
      await driver.start();
      await until(`${name} is registered`, () => driver.registrations.length > 0);
      return driver;
    },
    async addVolume(name, { driver = "fake.csi", spec } = {}) {
      const capacity = { storage: "1Gi" };
      const volume: PersistentVolume = {
        metadata: { name },
        spec: {
          capacity,
          accessModes: ["ReadWriteOnce"],
          claimRef: { namespace: "default", name, uid: "" },
          csi: { driver, volumeHandle: `handle-${name}` },
          ...spec,
        },
      };
      const claim: PersistentVolumeClaim = {
        metadata: { name, namespace: "default" },
        spec: {
          accessModes: volume.spec?.accessModes ?? [],
          volumeName: name,
          storageClassName: "",
          resources: { requests: capacity },
        },
      };
      const made = await client.create(PERSISTENT_VOLUME_CLAIMS, claim, SIGNAL);
      const reference = { namespace: "default", name, uid: made.metadata?.uid ?? "" };
      await client.create(PERSISTENT_VOLUMES, { ...volume, spec: { ...volume.spec, claimRef: reference } }, SIGNAL);
      await client.updateStatus(
        PERSISTENT_VOLUME_CLAIMS,
        { ...made, status: { phase: "Bound", capacity, accessModes: volume.spec?.accessModes ?? [] } },
        SIGNAL,
      );
    },
    pod: (name, volumes, { namespace = "default", level, policy, fsGroup, hostUsers } = {}) => ({
      metadata: { name, namespace, uid: `uid-${name}` },
      spec: {
        serviceAccountName: "default",
        volumes: volumes ?? [],
        ...(hostUsers !== undefined && { hostUsers }),
        securityContext: {
          ...(level !== undefined && { seLinuxOptions: { level } }),
          ...(policy !== undefined && { seLinuxChangePolicy: policy }),
          ...(fsGroup !== undefined && { fsGroup }),
        },
        containers: [
          {
            name: "main",
            image: "i",
            volumeMounts: (volumes ?? []).map((volume) => ({ name: volume.name, mountPath: `/${volume.name}` })),
          },
        ],
      },
    }),
    prepare: (pod) => manager.volumes.prepare(pod, new AbortController().signal),
    devices: (pod) => manager.volumes.devices(pod, pod.spec?.containers?.[0] ?? { name: "" }),
    release: (pod) => manager.volumes.release(pod.metadata?.uid ?? "", new AbortController().signal),
    async selinuxSeries() {
      const series: Record<string, number> = {};
      for (const metric of await registry.getMetricsAsJSON()) {
        for (const { labels, value } of metric.values) {
          const text = Object.entries(labels)
            .map(([key, label]) => `${key}=${String(label)}`)
            .toSorted()
            .join(",");
          if (value !== 0) series[`${metric.name}{${text}}`] = value;
        }
      }
      return series;
    },
    async restart() {
      await halt();
      start();
      await until("drivers are registered again", () =>
        drivers.every(({ registrations }) => registrations.length > 1 || registrations.length === 0),
      );
    },
    until,
    async stop() {
      await halt();
      for (const driver of drivers) await driver.stop();
      await api.stop();
      for (const folder of [root, sockets]) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The volume a claim of the same name gives a pod. */
export function claimed(name: string): NonNullable<PodSpec["volumes"]>[number] {
  return { name, persistentVolumeClaim: { claimName: name } };
}
