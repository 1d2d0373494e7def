import {
  type CsiCapability,
  type CsiConnection,
  type CsiConnector,
  type CsiNode,
  type CsiNodeCapability,
  type CsiVolumeStatistics,
} from "../../ports/csi.ts";
import { createGrpcConnection, type Method } from "../grpc/connection.ts";
import { callDriver } from "./call-driver.ts";
import {
  NodeDefinition,
  type NodeGetVolumeStatsResponse,
  NodeServiceCapability_RPC_Type,
  type VolumeCapability,
  VolumeCapability_AccessMode_Mode,
  VolumeUsage_Unit,
} from "./generated/csi.ts";

export interface CsiConnectorOptions {
  /** Milliseconds a call may take. @default 2 minutes, as upstream */
  readonly timeout?: number;
}

const TIMEOUT_MS = 120_000;
const CAPABILITIES: readonly CsiNodeCapability[] = [
  "STAGE_UNSTAGE_VOLUME",
  "GET_VOLUME_STATS",
  "EXPAND_VOLUME",
  "VOLUME_CONDITION",
  "SINGLE_NODE_MULTI_WRITER",
  "VOLUME_MOUNT_GROUP",
];

export function createCsiConnector(options: CsiConnectorOptions = {}): CsiConnector {
  const deadlineMs = options.timeout ?? TIMEOUT_MS;
  return {
    connect(socket): CsiConnection {
      const connection = createGrpcConnection(`unix://${socket}`);
      const call = <Request, Response>(
        method: Method<Request, Response>,
        request: Request,
        signal: AbortSignal,
      ): Promise<Response> => callDriver(connection, NodeDefinition.fullName, method, request, { signal, deadlineMs });
      return {
        node: createNode(call),
        async nodeInformation(signal) {
          const { nodeId, maxVolumesPerNode, accessibleTopology } = await call(
            NodeDefinition.methods.nodeGetInfo,
            {},
            signal,
          );
          return {
            nodeId,
            maximumVolumes: Number(maxVolumesPerNode),
            topology: { ...accessibleTopology?.segments },
          };
        },
        close: () => connection.close(),
      };
    },
  };
}

type Call = <Request, Response>(
  method: Method<Request, Response>,
  request: Request,
  signal: AbortSignal,
) => Promise<Response>;

function createNode(call: Call): CsiNode {
  const { methods } = NodeDefinition;
  return {
    async capabilities(signal) {
      const { capabilities } = await call(methods.nodeGetCapabilities, {}, signal);
      const types = new Set(capabilities.map(({ rpc }) => rpc?.type));
      return new Set(CAPABILITIES.filter((name) => types.has(NodeServiceCapability_RPC_Type[name])));
    },
    async stage({ volumeId, publishContext, stagingPath, capability, secrets, volumeContext }, signal) {
      const request = {
        volumeId,
        publishContext: { ...publishContext },
        stagingTargetPath: stagingPath,
        volumeCapability: capabilityOf(capability),
        secrets: { ...secrets },
        volumeContext: { ...volumeContext },
      };
      await call(methods.nodeStageVolume, request, signal);
    },
    async unstage({ volumeId, stagingPath }, signal) {
      await call(methods.nodeUnstageVolume, { volumeId, stagingTargetPath: stagingPath }, signal);
    },
    async publish(request, signal) {
      const { volumeId, publishContext, stagingPath, targetPath, readOnly, capability, secrets, volumeContext } =
        request;
      const message = {
        volumeId,
        publishContext: { ...publishContext },
        stagingTargetPath: stagingPath,
        targetPath,
        volumeCapability: capabilityOf(capability),
        readonly: readOnly,
        secrets: { ...secrets },
        volumeContext: { ...volumeContext },
      };
      await call(methods.nodePublishVolume, message, signal);
    },
    async unpublish({ volumeId, targetPath }, signal) {
      await call(methods.nodeUnpublishVolume, { volumeId, targetPath }, signal);
    },
    async statistics({ volumeId, volumePath }, signal) {
      const request = { volumeId, volumePath, stagingTargetPath: "" };
      return statisticsOf(await call(methods.nodeGetVolumeStats, request, signal));
    },
    async expand({ volumeId, volumePath, stagingPath, requiredBytes, capability, secrets }, signal) {
      const request = {
        volumeId,
        volumePath,
        stagingTargetPath: stagingPath,
        capacityRange: { requiredBytes, limitBytes: 0n },
        volumeCapability: capabilityOf(capability),
        secrets: { ...secrets },
      };
      await call(methods.nodeExpandVolume, request, signal);
    },
  };
}

function capabilityOf(capability: CsiCapability): VolumeCapability {
  const accessMode = { mode: VolumeCapability_AccessMode_Mode[capability.accessMode] };
  if ("block" in capability) return { block: {}, mount: undefined, accessMode };
  const { fsType, mountFlags, mountGroup } = capability;
  const mount = { fsType, mountFlags: [...mountFlags], volumeMountGroup: mountGroup ?? "" };
  return { block: undefined, mount, accessMode };
}

function statisticsOf({ usage, volumeCondition }: NodeGetVolumeStatsResponse): CsiVolumeStatistics {
  const bytes = usage.find(({ unit }) => unit === VolumeUsage_Unit.BYTES);
  const inodes = usage.find(({ unit }) => unit === VolumeUsage_Unit.INODES);
  return {
    ...(bytes !== undefined && {
      capacityBytes: Number(bytes.total),
      availableBytes: Number(bytes.available),
      usedBytes: Number(bytes.used),
    }),
    ...(inodes !== undefined && {
      inodes: Number(inodes.total),
      inodesFree: Number(inodes.available),
      inodesUsed: Number(inodes.used),
    }),
    ...(volumeCondition !== undefined && { abnormal: volumeCondition.abnormal }),
  };
}
