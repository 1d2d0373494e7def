import type { ClusterConnection } from "../adapters/cluster/connection.ts";
import { inClusterConnection } from "../adapters/cluster/in-cluster.ts";
import { loadKubeconfig } from "../adapters/cluster/kubeconfig.ts";
import { UsageError } from "../cli/usage-error.ts";

/** For daemons: the kubeconfig that was named, or the credentials of the pod this runs in. */
export async function findConnection(kubeconfig: string | undefined): Promise<ClusterConnection> {
  if (kubeconfig !== undefined) return loadKubeconfig(kubeconfig);
  const inCluster = await ownPodConnection();
  if (inCluster !== undefined) return inCluster;
  throw new UsageError(
    "no --kubeconfig was given and KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is not a pod",
  );
}

async function ownPodConnection(): Promise<ClusterConnection | undefined> {
  const host = process.env["KUBERNETES_SERVICE_HOST"];
  const port = process.env["KUBERNETES_SERVICE_PORT"];
  return host === undefined || port === undefined ? undefined : inClusterConnection({ host, port });
}
