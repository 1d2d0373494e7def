import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from "../../api/types.ts";
import type { Located, Origin } from "./origin.ts";
import type { ScrapeThroughApiServer } from "./scrape-config.ts";

export interface NodeFacts {
  readonly name: string;
  /** status.nodeInfo.kubeletVersion; "" when not known. */
  readonly kubeletVersion: string;
}

/** What runs as a ServiceAccount. */
export interface WorkloadFacts {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
  readonly images: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Names of ConfigMaps and Secrets it mounts. */
  readonly configuration: readonly string[];
}

/** A Secret that holds a token of a ServiceAccount of its namespace. */
export interface TokenSecret {
  readonly namespace: string;
  readonly name: string;
  readonly account: string;
}

/** Something that could not be used, said so that nothing is skipped in silence. */
export interface InputProblem {
  readonly origin: Origin;
  readonly message: string;
  /** Whether an answer may be wrong because of it. */
  readonly severity: "error" | "warning";
}

/** Everything the audit knows about a cluster, or about a set of manifests. */
export interface AuditInput {
  readonly clusterRoles: readonly Located<ClusterRole>[];
  readonly roles: readonly Located<Role>[];
  readonly clusterRoleBindings: readonly Located<ClusterRoleBinding>[];
  readonly roleBindings: readonly Located<RoleBinding>[];
  readonly nodes: readonly NodeFacts[];
  readonly serviceAccounts: readonly { readonly namespace: string; readonly name: string }[];
  readonly workloads: readonly WorkloadFacts[];
  /** Secrets of the type kubernetes.io/service-account-token. A snapshot of a cluster has none: Secrets are not read. */
  readonly tokenSecrets: readonly TokenSecret[];
  readonly scrapes: readonly Located<ScrapeThroughApiServer>[];
  /** How often each kind was seen that plays no part in the audit. */
  readonly otherKinds: Readonly<Record<string, number>>;
  readonly documents: number;
  readonly files: number;
  readonly problems: readonly InputProblem[];
  /** "" when not known. */
  readonly apiServerVersion: string;
  /** From a cluster everything is there; manifests leave out what a cluster already has. */
  readonly wholeCluster: boolean;
}
