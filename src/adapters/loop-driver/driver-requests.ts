import { status } from "@grpc/grpc-js";
import {
  type CapacityRange,
  type VolumeCapability,
  VolumeCapability_AccessMode_Mode as Mode,
} from "../csi/generated/csi.ts";
import { GrpcStatusError } from "../grpc/server.ts";
import { MINIMUM_BYTES } from "./filesystems.ts";
import { type Filesystem, FILESYSTEMS } from "./volume-directory.ts";

// What requests must have, and the answers to those that have it not (CSI specification, "Error Scheme").

export const invalid = (message: string): GrpcStatusError => new GrpcStatusError(status.INVALID_ARGUMENT, message);
export const notFound = (message: string): GrpcStatusError => new GrpcStatusError(status.NOT_FOUND, message);
export const precondition = (message: string): GrpcStatusError =>
  new GrpcStatusError(status.FAILED_PRECONDITION, message);
export const alreadyExists = (message: string): GrpcStatusError => new GrpcStatusError(status.ALREADY_EXISTS, message);
export const outOfRange = (message: string): GrpcStatusError => new GrpcStatusError(status.OUT_OF_RANGE, message);

/** @throws GrpcStatusError INVALID_ARGUMENT for "" */
export function required(field: string, value: string): string {
  if (value === "") throw invalid(`${field} is missing`);
  return value;
}

export interface MountWish {
  /** undefined: whatever the volume has. */
  readonly filesystem: Filesystem | undefined;
  readonly flags: readonly string[];
  readonly mode: Mode;
}

const READ_ONLY: readonly Mode[] = [Mode.SINGLE_NODE_READER_ONLY, Mode.MULTI_NODE_READER_ONLY];

export function isReadOnly({ mode }: MountWish): boolean {
  return READ_ONLY.includes(mode);
}

/** Every access mode is served, on the one node where the volume is. @throws GrpcStatusError INVALID_ARGUMENT */
export function mountWishOf(capability: VolumeCapability | undefined): MountWish {
  if (capability === undefined) throw invalid("volume_capability is missing");
  if (capability.block !== undefined) throw invalid("volumes of this driver are file systems, not block devices");
  if (capability.mount === undefined) throw invalid("volume_capability has no access type");
  const mode = capability.accessMode?.mode ?? Mode.UNKNOWN;
  if (mode === Mode.UNKNOWN) throw invalid("volume_capability has no access mode");
  const { fsType, mountFlags } = capability.mount;
  return { filesystem: fsType === "" ? undefined : filesystemOf(fsType), flags: mountFlags, mode };
}

/** @throws GrpcStatusError INVALID_ARGUMENT when there is none, or one that can not be served */
export function mountWishesOf(capabilities: readonly VolumeCapability[]): readonly MountWish[] {
  if (capabilities.length === 0) throw invalid("volume_capabilities is missing");
  return capabilities.map(mountWishOf);
}

export function filesystemOf(text: string): Filesystem {
  const known = FILESYSTEMS.find((one) => one === text);
  if (known === undefined) throw invalid(`the file system must be one of ${FILESYSTEMS.join(", ")}, not "${text}"`);
  return known;
}

const DEFAULT_BYTES = 2 ** 30;
const BLOCK_BYTES = 4096;

/**
 * The size of a volume for a request: what is required or, without a wish, one gibibyte; whole blocks; not less than its
 * file system needs.
 *
 * @throws GrpcStatusError OUT_OF_RANGE when that is more than the limit
 */
export function sizeFor(range: CapacityRange | undefined, filesystem: Filesystem): number {
  const { wanted, limit } = readRange(range);
  const least = MINIMUM_BYTES[filesystem];
  const wish = wanted > 0 ? wanted : limit > 0 ? Math.min(DEFAULT_BYTES, limit) : DEFAULT_BYTES;
  const size = Math.max(Math.ceil(wish / BLOCK_BYTES) * BLOCK_BYTES, least);
  if (limit === 0 || size <= limit) return size;
  // Only rounding is in the way: a smaller number of whole blocks may still be enough.
  const rounded = Math.floor(limit / BLOCK_BYTES) * BLOCK_BYTES;
  if (rounded >= Math.max(wanted, least)) return rounded;
  throw outOfRange(`a volume with ${filesystem} for ${wanted} bytes takes ${size}, more than the limit of ${limit}`);
}

/** Whether a volume of this size satisfies a request. */
export function fits(capacityBytes: number, range: CapacityRange | undefined): boolean {
  const { wanted, limit } = readRange(range);
  return capacityBytes >= wanted && (limit === 0 || capacityBytes <= limit);
}

function readRange(range: CapacityRange | undefined): { readonly wanted: number; readonly limit: number } {
  const [wanted, limit] = [Number(range?.requiredBytes ?? 0n), Number(range?.limitBytes ?? 0n)];
  if (wanted < 0 || limit < 0) throw invalid("capacity_range has a negative number");
  if (limit > 0 && wanted > limit) throw invalid(`capacity_range requires ${wanted} bytes and allows only ${limit}`);
  return { wanted, limit };
}
