import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
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

/** For commands that people type: like kubectl, also $KUBECONFIG and ~/.kube/config. */
export async function findUserConnection(options: {
  readonly kubeconfig?: string;
  readonly context?: string;
}): Promise<ClusterConnection> {
  const context = options.context === undefined ? {} : { context: options.context };
  const home = join(homedir(), ".kube", "config");
  const fromEnvironment = process.env["KUBECONFIG"]?.split(":").find((file) => file !== "");
  const named = options.kubeconfig ?? fromEnvironment;
  if (named !== undefined) return loadKubeconfig(named, context);
  if (await isReadable(home)) return loadKubeconfig(home, context);
  const inCluster = await ownPodConnection();
  if (inCluster !== undefined) return inCluster;
  throw new UsageError(
    `no cluster to look at: give --kubeconfig, set KUBECONFIG, or name manifests with -f (${home} is not there)`,
  );
}

async function ownPodConnection(): Promise<ClusterConnection | undefined> {
  const host = process.env["KUBERNETES_SERVICE_HOST"];
  const port = process.env["KUBERNETES_SERVICE_PORT"];
  return host === undefined || port === undefined ? undefined : inClusterConnection({ host, port });
}

async function isReadable(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
