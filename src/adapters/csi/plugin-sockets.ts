import type { PluginSockets } from "../../ports/plugin-registration.ts";
import { createGrpcConnection, type GrpcConnection } from "../grpc/connection.ts";
import { RegistrationDefinition } from "./generated/plugin-registration.ts";

export interface PluginSocketsOptions {
  /** Milliseconds a call may take. @default 10 s, as upstream */
  readonly timeout?: number;
}

const TIMEOUT_MS = 10_000;

/** A connection for each call: a plugin is asked once when its socket appears. */
export function createPluginSockets(options: PluginSocketsOptions = {}): PluginSockets {
  const deadlineMs = options.timeout ?? TIMEOUT_MS;
  const { fullName, methods } = RegistrationDefinition;
  const withConnection = async <T>(socket: string, work: (connection: GrpcConnection) => Promise<T>): Promise<T> => {
    const connection = createGrpcConnection(`unix://${socket}`);
    try {
      return await work(connection);
    } finally {
      connection.close();
    }
  };
  return {
    information: (socket, signal) =>
      withConnection(socket, async (connection) => {
        const found = await connection.unary(fullName, methods.getInfo, {}, { signal, deadlineMs });
        const { type, name, endpoint, supportedVersions } = found;
        return { type, name, supportedVersions, endpoint: endpoint === "" ? socket : endpoint };
      }),
    notify: (socket, failure, signal) =>
      withConnection(socket, async (connection) => {
        const status = { pluginRegistered: failure === undefined, error: failure ?? "" };
        await connection.unary(fullName, methods.notifyRegistrationStatus, status, { signal, deadlineMs });
      }),
  };
}
