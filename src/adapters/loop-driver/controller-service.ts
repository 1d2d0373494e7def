import { status } from "@grpc/grpc-js";
import {
  type CapacityRange,
  type ControllerDefinition,
  ControllerServiceCapability_RPC_Type as Capability,
  type Volume,
} from "../csi/generated/csi.ts";
import { GrpcStatusError, type ServiceHandlers } from "../grpc/server.ts";
import {
  alreadyExists,
  filesystemOf,
  fits,
  invalid,
  type MountWish,
  mountWishesOf,
  notFound,
  precondition,
  required,
  sizeFor,
} from "./driver-requests.ts";
import { MINIMUM_BYTES } from "./filesystems.ts";
import type { OneAtATime } from "./one-at-a-time.ts";
import { type Filesystem, type VolumeDirectory, volumeIdOf, type VolumeRecord } from "./volume-directory.ts";
import type { VolumeMounts } from "./volume-mounts.ts";

export interface ControllerServiceDeps {
  readonly volumes: VolumeDirectory;
  readonly mounts: VolumeMounts;
  readonly oneAtATime: OneAtATime;
}

export interface ControllerServiceOptions {
  /** Where volumes are: on this node and nowhere else. */
  readonly topology: Readonly<Record<string, string>>;
}

const CAPABILITIES = [
  Capability.CREATE_DELETE_VOLUME,
  Capability.LIST_VOLUMES,
  Capability.GET_CAPACITY,
  Capability.EXPAND_VOLUME,
  Capability.SINGLE_NODE_MULTI_WRITER,
];
/** StorageClass parameter for clients that do not pass the file system in the capability. */
const FILESYSTEM_PARAMETER = "fsType";

export function createControllerService(
  deps: ControllerServiceDeps,
  options: ControllerServiceOptions,
): ServiceHandlers<typeof ControllerDefinition> {
  const { volumes, mounts, oneAtATime } = deps;

  const known = async (volumeId: string): Promise<VolumeRecord> => {
    const record = await volumes.get(required("volume_id", volumeId));
    if (record === undefined) throw notFound(`there is no volume ${volumeId}`);
    return record;
  };
  const volumeOf = (record: VolumeRecord): Volume => ({
    volumeId: record.volumeId,
    capacityBytes: BigInt(record.capacityBytes),
    volumeContext: {},
    contentSource: undefined,
    accessibleTopology: [{ segments: { ...options.topology } }],
  });
  const ensureRoom = async (bytes: number): Promise<void> => {
    const available = await volumes.availableBytes();
    if (bytes <= available) return;
    throw new GrpcStatusError(
      status.RESOURCE_EXHAUSTED,
      `${bytes} more bytes are asked for and the disk below has ${available}`,
    );
  };
  const isHere = (segments: Readonly<Record<string, string>>): boolean =>
    Object.entries(segments).every(([key, value]) => options.topology[key] === value);

  return {
    controllerGetCapabilities: async () => ({ capabilities: CAPABILITIES.map((type) => ({ rpc: { type } })) }),

    async createVolume(request) {
      const name = required("name", request.name);
      const wishes = mountWishesOf(request.volumeCapabilities);
      if (request.volumeContentSource !== undefined)
        throw invalid("volumes are made empty: snapshots and clones are not supported");
      const unknown = Object.keys(request.parameters).filter((key) => key !== FILESYSTEM_PARAMETER);
      if (unknown.length > 0) throw invalid(`unknown parameter ${unknown.join(", ")}; known: ${FILESYSTEM_PARAMETER}`);
      const wanted = wantedFilesystem(wishes, request.parameters[FILESYSTEM_PARAMETER]);
      const requisite = request.accessibilityRequirements?.requisite ?? [];
      if (requisite.length > 0 && !requisite.some(({ segments }) => isHere(segments))) {
        throw new GrpcStatusError(status.RESOURCE_EXHAUSTED, "none of the places asked for is this node");
      }
      const volumeId = volumeIdOf(name);
      return await oneAtATime(volumeId, async () => {
        const existing = await volumes.get(volumeId);
        if (existing !== undefined) {
          ensureSame(existing, request.capacityRange, wanted);
          return { volume: volumeOf(existing) };
        }
        const filesystem = wanted ?? "ext4";
        const capacityBytes = sizeFor(request.capacityRange, filesystem);
        await ensureRoom(capacityBytes);
        const record = { volumeId, name, capacityBytes, filesystem, ephemeral: false };
        await volumes.create(record);
        return { volume: volumeOf(record) };
      });
    },

    async deleteVolume(request, signal) {
      const volumeId = required("volume_id", request.volumeId);
      return await oneAtATime(volumeId, async () => {
        if ((await volumes.get(volumeId)) === undefined) return {};
        const state = await mounts.stateOf(volumeId, signal);
        if (state.mounts.length > 0) {
          throw precondition(
            `volume ${volumeId} is in use: mounted at ${state.mounts.map(({ target }) => target).join(", ")}`,
          );
        }
        await volumes.delete(volumeId);
        return {};
      });
    },

    async validateVolumeCapabilities(request) {
      const record = await known(request.volumeId);
      if (request.volumeCapabilities.length === 0) throw invalid("volume_capabilities is missing");
      try {
        const wanted = wantedFilesystem(mountWishesOf(request.volumeCapabilities), undefined);
        if (wanted !== undefined && wanted !== record.filesystem) {
          return { confirmed: undefined, message: `the volume has ${record.filesystem}, not ${wanted}` };
        }
      } catch (reason) {
        if (!(reason instanceof GrpcStatusError)) throw reason;
        return { confirmed: undefined, message: reason.message };
      }
      const { volumeContext, volumeCapabilities, parameters, mutableParameters } = request;
      return { confirmed: { volumeContext, volumeCapabilities, parameters, mutableParameters }, message: "" };
    },

    async listVolumes({ maxEntries, startingToken }) {
      if (maxEntries < 0) throw invalid("max_entries is negative");
      const all = (await volumes.list()).filter(({ ephemeral }) => !ephemeral);
      const from = startingToken === "" ? 0 : all.findIndex(({ volumeId }) => volumeId === startingToken);
      if (from < 0)
        throw new GrpcStatusError(status.ABORTED, `no page starts at ${startingToken}: begin again without a token`);
      const until = maxEntries === 0 ? all.length : from + maxEntries;
      return {
        entries: all.slice(from, until).map((record) => ({ volume: volumeOf(record), status: undefined })),
        nextToken: all[until]?.volumeId ?? "",
      };
    },

    async getCapacity({ volumeCapabilities, accessibleTopology }) {
      const nothing = { availableCapacity: 0n, maximumVolumeSize: undefined, minimumVolumeSize: undefined };
      if (accessibleTopology !== undefined && !isHere(accessibleTopology.segments)) return nothing;
      let filesystem: Filesystem = "ext4";
      if (volumeCapabilities.length > 0) {
        try {
          filesystem = wantedFilesystem(mountWishesOf(volumeCapabilities), undefined) ?? filesystem;
        } catch {
          return nothing;
        }
      }
      const available = BigInt(await volumes.availableBytes());
      return {
        availableCapacity: available,
        maximumVolumeSize: { value: available },
        minimumVolumeSize: { value: BigInt(MINIMUM_BYTES[filesystem]) },
      };
    },

    async controllerExpandVolume(request) {
      const volumeId = required("volume_id", request.volumeId);
      if (request.capacityRange === undefined) throw invalid("capacity_range is missing");
      const { capacityRange } = request;
      return await oneAtATime(volumeId, async () => {
        const record = await known(volumeId);
        const wanted = sizeFor(capacityRange, record.filesystem);
        // Asked again, or for less: a file system never shrinks.
        const size = Math.max(wanted, record.capacityBytes);
        if (size > record.capacityBytes) {
          await ensureRoom(size - record.capacityBytes);
          await volumes.grow(record, size);
        }
        return { capacityBytes: BigInt(size), nodeExpansionRequired: true };
      });
    },
  };
}

function wantedFilesystem(wishes: readonly MountWish[], parameter: string | undefined): Filesystem | undefined {
  const named = new Set(wishes.flatMap(({ filesystem }) => filesystem ?? []));
  if (named.size > 1) throw invalid(`one volume can not have several file systems: ${[...named].join(", ")}`);
  const [first] = named;
  return first ?? (parameter === undefined ? undefined : filesystemOf(parameter));
}

function ensureSame(
  existing: VolumeRecord,
  range: CapacityRange | undefined,
  filesystem: Filesystem | undefined,
): void {
  if (!fits(existing.capacityBytes, range)) {
    throw alreadyExists(`volume ${existing.name} exists with another size: ${existing.capacityBytes} bytes`);
  }
  if (filesystem !== undefined && filesystem !== existing.filesystem) {
    throw alreadyExists(`volume ${existing.name} exists with another file system: ${existing.filesystem}`);
  }
}
