import type { ClusterConnection } from "../adapters/cluster/connection.ts";
import { findConnection } from "../adapters/kubeconfig/find-kubeconfig.ts";
import type { ClusterFlags } from "../cli/cluster-flags.ts";
import { UsageError } from "../cli/usage-error.ts";

/** For commands that people type: the connection kubectl would take with these flags. */
export async function findUserConnection(flags: ClusterFlags, signal: AbortSignal): Promise<ClusterConnection> {
  const { kubeconfig, context, cluster, user, as, asGroup = [] } = flags;
  if (as === undefined && asGroup.length > 0) throw new UsageError("--as-group needs --as");
  const found = await findConnection({
    ...(kubeconfig !== undefined && { path: kubeconfig }),
    ...(context !== undefined && { context }),
    ...(cluster !== undefined && { cluster }),
    ...(user !== undefined && { user }),
    environment: process.env,
    signal,
  });
  return as === undefined ? found : { ...found, impersonate: { user: as, groups: asGroup } };
}
