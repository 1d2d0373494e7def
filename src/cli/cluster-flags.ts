import type { Command } from "commander";
import { collectList } from "./flag-values.ts";

/** Which cluster, and as whom: kubectl's flags of these names. */
export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
  readonly user?: string;
  readonly as?: string;
  readonly asGroup?: readonly string[];
}

export function addClusterFlags(command: Command): Command {
  return command
    .option("--kubeconfig <file>", "how to reach the cluster (default: KUBECONFIG, ~/.kube/config, in-cluster)")
    .option("--context <name>", "context of the kubeconfig")
    .option("--cluster <name>", "cluster of the kubeconfig, instead of the context's")
    .option("--user <name>", "user of the kubeconfig, instead of the context's")
    .option("--as <user>", "look with this user's rights")
    .option("--as-group <group>", "and this group's; may be repeated", collectList);
}
