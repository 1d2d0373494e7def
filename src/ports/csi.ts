import { type ErrorCode, OrlopError } from "../lib/orlop-error.ts";

/** Names of CSI's access modes, as they are in the protocol. */
export type CsiAccessMode =
  | "UNKNOWN"
  | "SINGLE_NODE_WRITER"
  | "MULTI_NODE_READER_ONLY"
  | "MULTI_NODE_MULTI_WRITER"
  | "SINGLE_NODE_SINGLE_WRITER"
  | "SINGLE_NODE_MULTI_WRITER";

export type CsiNodeCapability =
  | "STAGE_UNSTAGE_VOLUME"
  | "GET_VOLUME_STATS"
  | "EXPAND_VOLUME"
  | "VOLUME_CONDITION"
  | "SINGLE_NODE_MULTI_WRITER"
  | "VOLUME_MOUNT_GROUP";

/** How a filesystem volume is to be mounted. */
export interface CsiMount {
  readonly accessMode: CsiAccessMode;
  /** "" leaves it to the driver. */
  readonly fsType: string;
  readonly mountFlags: readonly string[];
  /** A group ID, for drivers that apply it themselves. */
  readonly mountGroup?: string;
}

/** A volume that is handed over as it is, without a file system. */
export interface CsiBlock {
  readonly accessMode: CsiAccessMode;
  readonly block: true;
}

export type CsiCapability = CsiMount | CsiBlock;

export interface CsiStageRequest {
  readonly volumeId: string;
  readonly publishContext: Readonly<Record<string, string>>;
  readonly stagingPath: string;
  readonly capability: CsiCapability;
  readonly secrets: Readonly<Record<string, string>>;
  readonly volumeContext: Readonly<Record<string, string>>;
}

export interface CsiPublishRequest extends CsiStageRequest {
  readonly targetPath: string;
  readonly readOnly: boolean;
}

export interface CsiExpandRequest {
  readonly volumeId: string;
  readonly volumePath: string;
  readonly stagingPath: string;
  readonly requiredBytes: bigint;
  readonly capability: CsiCapability;
  readonly secrets: Readonly<Record<string, string>>;
}

/** Figures in bytes or pieces; absent what the driver does not say. */
export interface CsiVolumeStatistics {
  readonly capacityBytes?: number;
  readonly availableBytes?: number;
  readonly usedBytes?: number;
  readonly inodes?: number;
  readonly inodesFree?: number;
  readonly inodesUsed?: number;
  /** Absent when the driver does not watch the health of volumes. */
  readonly abnormal?: boolean;
}

/**
 * The node service of one driver. Every call has a deadline; failures are CsiFailures. "" as stagingPath: the driver does
 * not stage.
 */
export interface CsiNode {
  capabilities(signal: AbortSignal): Promise<ReadonlySet<CsiNodeCapability>>;
  stage(request: CsiStageRequest, signal: AbortSignal): Promise<void>;
  unstage(request: { readonly volumeId: string; readonly stagingPath: string }, signal: AbortSignal): Promise<void>;
  publish(request: CsiPublishRequest, signal: AbortSignal): Promise<void>;
  unpublish(request: { readonly volumeId: string; readonly targetPath: string }, signal: AbortSignal): Promise<void>;
  statistics(
    request: { readonly volumeId: string; readonly volumePath: string },
    signal: AbortSignal,
  ): Promise<CsiVolumeStatistics>;
  expand(request: CsiExpandRequest, signal: AbortSignal): Promise<void>;
}

/** What a driver says about the node it runs on. */
export interface CsiNodeInformation {
  readonly nodeId: string;
  /** 0: no limit. */
  readonly maximumVolumes: number;
  readonly topology: Readonly<Record<string, string>>;
}

export interface CsiConnection {
  readonly node: CsiNode;
  nodeInformation(signal: AbortSignal): Promise<CsiNodeInformation>;
  close(): void;
}

/** Reaches drivers on this host. Nothing is sent before the first call. */
export interface CsiConnector {
  /** @param socket absolute path of the driver's unix socket */
  connect(socket: string): CsiConnection;
}

/** A call to a driver that did not succeed. */
export class CsiFailure extends OrlopError {
  /** "unknown": the driver may still be at it (timeout, lost connection, pending operation); what it does must be undone. */
  readonly outcome: "failed" | "unknown";
  /** The gRPC status, e.g. "FailedPrecondition". */
  readonly status: string;

  constructor(code: ErrorCode, message: string, outcome: "failed" | "unknown", status: string, cause?: unknown) {
    super(code, message, { cause, retry: "backoff" });
    this.outcome = outcome;
    this.status = status;
  }
}

/** Whether a failed step can have left something behind. Failures that are not a driver's happened before the call. */
export function mayHaveHappened(reason: unknown): boolean {
  return reason instanceof CsiFailure && reason.outcome === "unknown";
}
