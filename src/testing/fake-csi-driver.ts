import { mkdir, rm, writeFile } from "node:fs/promises";
import { status } from "@grpc/grpc-js";
import {
  NodeDefinition,
  type NodeExpandVolumeRequest,
  type NodePublishVolumeRequest,
  NodeServiceCapability_RPC_Type,
  type NodeStageVolumeRequest,
  VolumeUsage_Unit,
} from "../adapters/csi/generated/csi.ts";
import { RegistrationDefinition } from "../adapters/csi/generated/plugin-registration.ts";
import { createGrpcServer, type GrpcServer, GrpcStatusError, type ServiceHandlers } from "../adapters/grpc/server.ts";
import type { CsiNodeCapability } from "../ports/csi.ts";
import type { HostMounts } from "../ports/host-mounts.ts";

export type FakeCall =
  | "NodeGetInfo"
  | "NodeGetCapabilities"
  | "NodeStageVolume"
  | "NodeUnstageVolume"
  | "NodePublishVolume"
  | "NodeUnpublishVolume"
  | "NodeGetVolumeStats"
  | "NodeExpandVolume";

/** "hang": no answer until the caller gives up. "lie": success without doing anything. "late": done, but answered as pending. */
export type Misbehaviour = { readonly fail: status; readonly text?: string } | "hang" | "lie" | "late";

export interface RecordedCall {
  readonly call: FakeCall;
  readonly volumeId: string;
  readonly request: unknown;
}

export interface FakeCsiDriverOptions {
  readonly name: string;
  /** Existing directory; sockets are made in it. */
  readonly directory: string;
  /** ROOT/plugins_registry of the kubelet; absent: it does not register. */
  readonly registry?: string;
  /** Where it mounts: the host's table, or one in memory. */
  readonly mounts: HostMounts;
  readonly capabilities?: readonly CsiNodeCapability[];
  readonly versions?: readonly string[];
  readonly nodeId?: string;
  readonly maximumVolumes?: () => number;
  readonly topology?: Readonly<Record<string, string>>;
  /** @default "tmpfs" */
  readonly filesystem?: string;
  /** The block device of a volume. @default a name that only a mount table in memory takes */
  readonly device?: (volumeId: string) => string;
  /** Mount flags with this beginning are dropped without a word. */
  readonly drops?: string;
}

/** A CSI driver that serves real gRPC on a unix socket, keeps account of its calls and misbehaves on demand. */
export interface FakeCsiDriver {
  /** Its socket. */
  readonly endpoint: string;
  readonly calls: RecordedCall[];
  /** What the kubelet said about the registration, "" for success. */
  readonly registrations: string[];
  /** The next (or, with "always", every) such call goes wrong. */
  misbehave(call: FakeCall, how: Misbehaviour | undefined, times?: number | "always"): void;
  names(...calls: readonly FakeCall[]): readonly string[];
  start(): Promise<void>;
  stop(): Promise<void>;
}

const ALL: readonly CsiNodeCapability[] = ["STAGE_UNSTAGE_VOLUME", "GET_VOLUME_STATS", "EXPAND_VOLUME"];

export function createFakeCsiDriver(options: FakeCsiDriverOptions): FakeCsiDriver {
  const { mounts } = options;
  const { signal } = new AbortController();
  const calls: RecordedCall[] = [];
  const registrations: string[] = [];
  const misbehaviours = new Map<FakeCall, { how: Misbehaviour; left: number }>();
  let servers: readonly GrpcServer[] = [];
  const endpoint = `${options.directory}/${options.name}.sock`;

  const answering = async <T>(
    call: FakeCall,
    request: { readonly volumeId?: string },
    caller: AbortSignal,
    work: () => Promise<T>,
    nothing: T,
  ): Promise<T> => {
    calls.push({ call, volumeId: request.volumeId ?? "", request });
    const bad = misbehaviours.get(call);
    if (bad === undefined) return work();
    bad.left -= 1;
    if (bad.left <= 0) misbehaviours.delete(call);
    const { how } = bad;
    if (how === "lie") return nothing;
    if (how === "hang") {
      await new Promise((resolve) => caller.addEventListener("abort", resolve, { once: true }));
      throw new GrpcStatusError(status.CANCELLED, "gave up");
    }
    if (how === "late") {
      await work();
      throw new GrpcStatusError(status.ABORTED, "an operation for this volume is pending");
    }
    throw new GrpcStatusError(how.fail, how.text ?? "as asked for by the test");
  };

  const isMounted = async (target: string): Promise<boolean> =>
    (await mounts.list(signal)).some((entry) => entry.target === target);
  const flagsOf = (request: NodeStageVolumeRequest | NodePublishVolumeRequest): readonly string[] =>
    (request.volumeCapability?.mount?.mountFlags ?? []).filter(
      (flag) => options.drops === undefined || !flag.startsWith(options.drops),
    );
  const unmount = async (target: string): Promise<void> => {
    if (await isMounted(target)) await mounts.unmount(target, signal);
    await rm(target, { recursive: true, force: true });
  };
  const mount = async (volume: string, target: string, flags: readonly string[]): Promise<void> => {
    await mkdir(target, { recursive: true });
    if (await isMounted(target)) return;
    await mounts.mount(
      { source: `volume-${volume}`, target, filesystem: options.filesystem ?? "tmpfs", options: flags },
      signal,
    );
  };

  /** Devices are bound over files. */
  const bindDevice = async (volume: string, target: string): Promise<void> => {
    if (await isMounted(target)) return;
    await writeFile(target, "");
    const source = options.device?.(volume) ?? `device-${volume}`;
    await mounts.mount({ source, target, options: ["bind"] }, signal);
  };

  const node: ServiceHandlers<typeof NodeDefinition> = {
    nodeGetInfo: (request, caller) =>
      answering(
        "NodeGetInfo",
        request,
        caller,
        async () => ({
          nodeId: options.nodeId ?? "fake-node",
          maxVolumesPerNode: BigInt(options.maximumVolumes?.() ?? 0),
          accessibleTopology: options.topology === undefined ? undefined : { segments: { ...options.topology } },
        }),
        { nodeId: "", maxVolumesPerNode: 0n, accessibleTopology: undefined },
      ),
    nodeGetCapabilities: (request, caller) =>
      answering(
        "NodeGetCapabilities",
        request,
        caller,
        async () => ({
          capabilities: (options.capabilities ?? ALL).map((name) => ({
            rpc: { type: NodeServiceCapability_RPC_Type[name] },
          })),
        }),
        { capabilities: [] },
      ),
    nodeStageVolume: (request, caller) =>
      answering(
        "NodeStageVolume",
        request,
        caller,
        async () => {
          // A raw block volume has nothing to mount yet.
          if (request.volumeCapability?.block === undefined) {
            await mount(request.volumeId, request.stagingTargetPath, flagsOf(request));
          }
          return {};
        },
        {},
      ),
    nodeUnstageVolume: (request, caller) =>
      answering(
        "NodeUnstageVolume",
        request,
        caller,
        async () => {
          await unmount(request.stagingTargetPath);
          return {};
        },
        {},
      ),
    nodePublishVolume: (request, caller) =>
      answering(
        "NodePublishVolume",
        request,
        caller,
        async () => {
          const { stagingTargetPath: source, targetPath: target } = request;
          if (request.volumeCapability?.block !== undefined) await bindDevice(request.volumeId, target);
          else if (source === "") await mount(request.volumeId, target, flagsOf(request));
          else if (!(await isMounted(target))) {
            await mkdir(target, { recursive: true });
            await mounts.mount({ source, target, options: ["bind"] }, signal);
          }
          return {};
        },
        {},
      ),
    nodeUnpublishVolume: (request, caller) =>
      answering(
        "NodeUnpublishVolume",
        request,
        caller,
        async () => {
          await unmount(request.targetPath);
          return {};
        },
        {},
      ),
    nodeGetVolumeStats: (request, caller) =>
      answering(
        "NodeGetVolumeStats",
        request,
        caller,
        async () => ({
          usage: [
            { unit: VolumeUsage_Unit.BYTES, total: 1000n, available: 600n, used: 400n },
            { unit: VolumeUsage_Unit.INODES, total: 100n, available: 90n, used: 10n },
          ],
          volumeCondition: undefined,
        }),
        { usage: [], volumeCondition: undefined },
      ),
    nodeExpandVolume: (request: NodeExpandVolumeRequest, caller) =>
      answering(
        "NodeExpandVolume",
        request,
        caller,
        async () => ({ capacityBytes: request.capacityRange?.requiredBytes ?? 0n }),
        { capacityBytes: 0n },
      ),
  };

  return {
    endpoint,
    calls,
    registrations,
    misbehave(call, how, times = 1) {
      if (how === undefined) misbehaviours.delete(call);
      else misbehaviours.set(call, { how, left: times === "always" ? Number.POSITIVE_INFINITY : times });
    },
    names: (...wanted) => calls.map(({ call }) => call).filter((call) => wanted.length === 0 || wanted.includes(call)),
    async start() {
      const own = createGrpcServer();
      own.add(NodeDefinition, node);
      await rm(endpoint, { force: true });
      await own.listen(endpoint);
      servers = [own];
      if (options.registry === undefined) return;
      const registration = createGrpcServer();
      registration.add(RegistrationDefinition, {
        getInfo: async () => ({
          type: "CSIPlugin",
          name: options.name,
          endpoint,
          supportedVersions: [...(options.versions ?? ["1.0.0"])],
        }),
        notifyRegistrationStatus: async ({ pluginRegistered, error }) => {
          registrations.push(pluginRegistered ? "" : error);
          return {};
        },
      });
      await mkdir(options.registry, { recursive: true });
      const socket = `${options.registry}/${options.name}-reg.sock`;
      await rm(socket, { force: true });
      await registration.listen(socket);
      servers = [own, registration];
    },
    async stop() {
      for (const server of servers) server.close();
      servers = [];
      await rm(endpoint, { force: true });
      if (options.registry !== undefined) await rm(`${options.registry}/${options.name}-reg.sock`, { force: true });
    },
  };
}
