import { access } from "node:fs/promises";
import { join } from "node:path";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { ClusterConnection } from "./connection.ts";

/** Where the kubelet puts the token and CA of a pod's ServiceAccount. */
export const SERVICE_ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface InClusterOptions {
  /** Value of KUBERNETES_SERVICE_HOST. */
  readonly host: string;
  /** Value of KUBERNETES_SERVICE_PORT. */
  readonly port: string;
  /** @default SERVICE_ACCOUNT_DIRECTORY */
  readonly directory?: string;
}

/** The connection of a process inside a pod. Throws OrlopError Invalid when there is no ServiceAccount token. */
export async function inClusterConnection(options: InClusterOptions): Promise<ClusterConnection> {
  const { host, port, directory = SERVICE_ACCOUNT_DIRECTORY } = options;
  const token = join(directory, "token");
  const certificateAuthority = join(directory, "ca.crt");
  for (const file of [token, certificateAuthority]) {
    await access(file).catch((cause: unknown) => {
      throw new OrlopError("Invalid", `Not running in a pod with a ServiceAccount: ${file} can not be read`, { cause });
    });
  }
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    certificateAuthority: { file: certificateAuthority },
    token: { file: token },
  };
}
