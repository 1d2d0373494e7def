import type { CsiController } from "../../ports/csi-controller.ts";
import { createGrpcConnection, type Method } from "../grpc/connection.ts";
import { callDriver } from "./call-driver.ts";
import { ControllerDefinition, VolumeCapability_AccessMode_Mode } from "./generated/csi.ts";

export interface CsiControllerOptions {
  /** Absolute path of the driver's unix socket. */
  readonly socket: string;
  /** Milliseconds a call may take. @default 2 minutes */
  readonly timeout?: number;
}

const TIMEOUT_MS = 120_000;

/** The controller service behind a socket; nothing is sent before the first call. */
export function createCsiController(options: CsiControllerOptions): CsiController & { close(): void } {
  const connection = createGrpcConnection(`unix://${options.socket}`);
  const deadlineMs = options.timeout ?? TIMEOUT_MS;
  const { fullName, methods } = ControllerDefinition;
  const call = <Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): Promise<Response> => callDriver(connection, fullName, method, request, { signal, deadlineMs });
  return {
    async create(request, signal) {
      const { name, requiredBytes, limitBytes, fsType, mountFlags, parameters, topology } = request;
      const places = topology === undefined ? undefined : [{ segments: { ...topology } }];
      const { volume } = await call(
        methods.createVolume,
        {
          name,
          capacityRange: { requiredBytes, limitBytes },
          volumeCapabilities: request.accessModes.map((mode) => ({
            block: undefined,
            mount: { fsType, mountFlags: [...mountFlags], volumeMountGroup: "" },
            accessMode: { mode: VolumeCapability_AccessMode_Mode[mode] },
          })),
          parameters: { ...parameters },
          secrets: {},
          volumeContentSource: undefined,
          accessibilityRequirements: places === undefined ? undefined : { requisite: places, preferred: places },
          mutableParameters: {},
        },
        signal,
      );
      return {
        volumeId: volume?.volumeId ?? "",
        capacityBytes: volume?.capacityBytes ?? 0n,
        volumeContext: { ...volume?.volumeContext },
        topologies: (volume?.accessibleTopology ?? []).map(({ segments }) => ({ ...segments })),
      };
    },
    async delete(volumeId, signal) {
      await call(methods.deleteVolume, { volumeId, secrets: {} }, signal);
    },
    async expand({ volumeId, requiredBytes }, signal) {
      const capacityRange = { requiredBytes, limitBytes: 0n };
      const request = { volumeId, capacityRange, secrets: {}, volumeCapability: undefined };
      return await call(methods.controllerExpandVolume, request, signal);
    },
    close: () => connection.close(),
  };
}
