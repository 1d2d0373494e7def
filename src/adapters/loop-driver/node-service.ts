import { mkdir, rmdir, statfs } from "node:fs/promises";
import type { HostMounts } from "../../ports/host-mounts.ts";
import { quantityOf, wholeUnits } from "../../lib/quantity.ts";
import {
  type NodeDefinition,
  type NodePublishVolumeRequest,
  NodeServiceCapability_RPC_Type as Capability,
  VolumeCapability_AccessMode_Mode as Mode,
  VolumeUsage_Unit,
} from "../csi/generated/csi.ts";
import type { ServiceHandlers } from "../grpc/server.ts";
import {
  alreadyExists,
  invalid,
  isReadOnly,
  type MountWish,
  mountWishOf,
  notFound,
  outOfRange,
  precondition,
  required,
  sizeFor,
} from "./driver-requests.ts";
import { filesystemOn, growFilesystem, makeFilesystem } from "./filesystems.ts";
import type { LoopDevices } from "./loop-devices.ts";
import type { OneAtATime } from "./one-at-a-time.ts";
import { imagePath, isVolumeId, type VolumeDirectory, type VolumeRecord } from "./volume-directory.ts";
import type { VolumeMounts, VolumeState } from "./volume-mounts.ts";

export interface NodeServiceDeps {
  readonly volumes: VolumeDirectory;
  readonly mounts: VolumeMounts;
  readonly host: HostMounts;
  readonly loops: LoopDevices;
  readonly oneAtATime: OneAtATime;
}

export interface NodeServiceOptions {
  readonly directory: string;
  readonly nodeId: string;
  readonly topology: Readonly<Record<string, string>>;
}

const CAPABILITIES = [
  Capability.STAGE_UNSTAGE_VOLUME,
  Capability.GET_VOLUME_STATS,
  Capability.EXPAND_VOLUME,
  Capability.SINGLE_NODE_MULTI_WRITER,
];
const EPHEMERAL = "csi.storage.k8s.io/ephemeral";

/**
 * Stage mounts the volume's loop device once, publish binds that mount into pods, so mount flags (a SELinux context among
 * them) are given to the one mount they work on. Nothing is remembered here: every call looks at the kernel's own tables.
 */
export function createNodeService(
  deps: NodeServiceDeps,
  options: NodeServiceOptions,
): ServiceHandlers<typeof NodeDefinition> {
  const { volumes, mounts, host, loops, oneAtATime } = deps;

  const known = async (volumeId: string): Promise<VolumeRecord> => {
    const record = await volumes.get(required("volume_id", volumeId));
    if (record === undefined) throw notFound(`there is no volume ${volumeId}`);
    return record;
  };

  /** True when the volume is there already. @throws GrpcStatusError ALREADY_EXISTS when it is something else */
  const isMountedAt = async (path: string, state: VolumeState, signal: AbortSignal): Promise<boolean> => {
    const [here] = await mounts.at(path, signal);
    if (here === undefined) return false;
    if (state.mounts.some(({ target }) => target === path)) return true;
    throw alreadyExists(`${path} has something else mounted: ${here.source}`);
  };

  /** Attaches the image, makes its file system at first use, and mounts it with the flags as they were given. */
  const mountVolume = async (
    record: VolumeRecord,
    target: string,
    wish: MountWish,
    signal: AbortSignal,
  ): Promise<void> => {
    const { filesystem, volumeId } = record;
    const { device } = await loops.attach(imagePath(options.directory, volumeId), signal);
    try {
      const found = await filesystemOn(device, signal);
      if (found === undefined) await makeFilesystem(filesystem, device, signal);
      else if (found !== filesystem)
        throw precondition(`volume ${volumeId} should have ${filesystem} and has ${found}`);
      await mkdir(target, { recursive: true, mode: 0o750 });
      const flags = [...wish.flags, ...(isReadOnly(wish) ? ["ro"] : [])];
      await host.mount({ source: device, target, filesystem, options: flags }, signal);
    } finally {
      // While it is mounted the kernel only notes this, and frees the device when the last mount goes: none can be left over.
      await loops.detach(device, signal);
    }
  };

  const unmountAll = async (volumeId: string, path: string, signal: AbortSignal): Promise<void> => {
    const here = await mounts.at(path, signal);
    if (here.length > 0) {
      const own = isVolumeId(volumeId) ? (await mounts.stateOf(volumeId, signal)).mounts : [];
      for (const { id, source } of here) {
        if (!own.some((entry) => entry.id === id)) throw precondition(`${path} has something else mounted: ${source}`);
      }
      for (const _each of here) await host.unmount(path, signal);
    }
    await rmdir(path).catch((reason: unknown) => {
      if (!(reason instanceof Error && "code" in reason && reason.code === "ENOENT")) throw reason;
    });
  };

  const publishEphemeral = async (
    request: NodePublishVolumeRequest,
    wish: MountWish,
    signal: AbortSignal,
  ): Promise<void> => {
    const { volumeId, targetPath, volumeContext } = request;
    if (!isVolumeId(volumeId)) throw invalid(`${JSON.stringify(volumeId)} can not be the ID of an ephemeral volume`);
    const record = (await volumes.get(volumeId)) ?? {
      volumeId,
      name: volumeId,
      filesystem: wish.filesystem ?? "ext4",
      capacityBytes: sizeFor(sizeWish(volumeContext["size"]), wish.filesystem ?? "ext4"),
      ephemeral: true,
    };
    if (!record.ephemeral) throw alreadyExists(`volume ${volumeId} is not an ephemeral one`);
    if ((await volumes.get(volumeId)) === undefined) await volumes.create(record);
    if (await isMountedAt(targetPath, await mounts.stateOf(volumeId, signal), signal)) return;
    const flags = request.readonly ? [...wish.flags, "ro"] : wish.flags;
    await mountVolume(record, targetPath, { ...wish, flags }, signal);
  };

  return {
    nodeGetCapabilities: async () => ({ capabilities: CAPABILITIES.map((type) => ({ rpc: { type } })) }),
    nodeGetInfo: async () => ({
      nodeId: options.nodeId,
      maxVolumesPerNode: 0n,
      accessibleTopology: { segments: { ...options.topology } },
    }),

    async nodeStageVolume(request, signal) {
      const volumeId = required("volume_id", request.volumeId);
      const staging = required("staging_target_path", request.stagingTargetPath);
      const wish = mountWishOf(request.volumeCapability);
      return await oneAtATime(volumeId, async () => {
        const record = await known(volumeId);
        if (wish.filesystem !== undefined && wish.filesystem !== record.filesystem) {
          throw alreadyExists(`volume ${volumeId} has ${record.filesystem}, not ${wish.filesystem}`);
        }
        const state = await mounts.stateOf(volumeId, signal);
        if (!(await isMountedAt(staging, state, signal))) await mountVolume(record, staging, wish, signal);
        return {};
      });
    },

    async nodeUnstageVolume(request, signal) {
      const volumeId = required("volume_id", request.volumeId);
      const staging = required("staging_target_path", request.stagingTargetPath);
      return await oneAtATime(volumeId, async () => {
        await unmountAll(volumeId, staging, signal);
        return {};
      });
    },

    async nodePublishVolume(request, signal) {
      const volumeId = required("volume_id", request.volumeId);
      const target = required("target_path", request.targetPath);
      const wish = mountWishOf(request.volumeCapability);
      return await oneAtATime(volumeId, async () => {
        if (request.volumeContext[EPHEMERAL] === "true") {
          await publishEphemeral(request, wish, signal);
          return {};
        }
        await known(volumeId);
        const staging = required("staging_target_path", request.stagingTargetPath);
        const state = await mounts.stateOf(volumeId, signal);
        if (await isMountedAt(target, state, signal)) return {};
        if (!state.mounts.some((entry) => entry.target === staging)) {
          throw precondition(`volume ${volumeId} is not staged at ${staging}`);
        }
        if (wish.mode === Mode.SINGLE_NODE_SINGLE_WRITER && state.mounts.some((entry) => entry.target !== staging)) {
          throw precondition(`volume ${volumeId} is for one writer and is published elsewhere already`);
        }
        await mkdir(target, { recursive: true, mode: 0o750 });
        await host.mount({ source: staging, target, options: ["bind"] }, signal);
        if (!request.readonly) return {};
        try {
          await host.mount({ source: staging, target, options: ["remount", "bind", "ro"] }, signal);
        } catch (reason) {
          await host.unmount(target, signal);
          throw reason;
        }
        return {};
      });
    },

    async nodeUnpublishVolume(request, signal) {
      const volumeId = required("volume_id", request.volumeId);
      const target = required("target_path", request.targetPath);
      return await oneAtATime(volumeId, async () => {
        await unmountAll(volumeId, target, signal);
        const record = await volumes.get(volumeId);
        if (record?.ephemeral === true && (await mounts.stateOf(volumeId, signal)).mounts.length === 0) {
          await volumes.delete(volumeId);
        }
        return {};
      });
    },

    async nodeGetVolumeStats(request, signal) {
      const path = required("volume_path", request.volumePath);
      const { volumeId } = await known(request.volumeId);
      const state = await mounts.stateOf(volumeId, signal);
      if (!state.mounts.some(({ target }) => target === path))
        throw notFound(`volume ${volumeId} is not mounted at ${path}`);
      const { bsize, blocks, bavail, bfree, files, ffree } = await statfs(path, { bigint: true });
      const bytes = { total: blocks * bsize, available: bavail * bsize, used: (blocks - bfree) * bsize };
      const inodes = { total: files, available: ffree, used: files - ffree };
      return {
        usage: [
          { ...bytes, unit: VolumeUsage_Unit.BYTES },
          { ...inodes, unit: VolumeUsage_Unit.INODES },
        ],
        volumeCondition: undefined,
      };
    },

    async nodeExpandVolume(request, signal) {
      const volumeId = required("volume_id", request.volumeId);
      const path = required("volume_path", request.volumePath);
      return await oneAtATime(volumeId, async () => {
        const { capacityBytes, filesystem } = await known(volumeId);
        const wanted = Number(request.capacityRange?.requiredBytes ?? 0n);
        if (wanted > capacityBytes) {
          throw outOfRange(`volume ${volumeId} has ${capacityBytes} bytes: ControllerExpandVolume must come first`);
        }
        const { devices, mounts: own } = await mounts.stateOf(volumeId, signal);
        const [device] = devices;
        if (device === undefined || !own.some(({ target }) => target === path)) {
          throw notFound(`volume ${volumeId} is not mounted at ${path}`);
        }
        await loops.refreshSize(device.device, signal);
        await growFilesystem(filesystem, { device: device.device, path }, signal);
        return { capacityBytes: BigInt(capacityBytes) };
      });
    },
  };
}

function sizeWish(
  text: string | undefined,
): { readonly requiredBytes: bigint; readonly limitBytes: bigint } | undefined {
  if (text === undefined) return undefined;
  try {
    return { requiredBytes: wholeUnits(quantityOf(text)), limitBytes: 0n };
  } catch {
    throw invalid(`the attribute size must be a quantity such as 100Mi, not "${text}"`);
  }
}
