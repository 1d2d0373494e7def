import type { ClusterFlags } from "../cluster-flags.ts";
import type { LogLevel } from "../flag-values.ts";

/** How labels are shown and how much, wherever the controller or the commands run. */
export interface SELinuxFlags {
  /** Default label of container processes on the nodes, e.g. "system_u:system_r:container_t:s0". */
  readonly selinuxProcessLabel?: string;
  /** Default label of their files. */
  readonly selinuxFileLabel?: string;
  /** Pair series in a scrape; 0 for no limit. */
  readonly selinuxConflictSeries: number;
  /** "namespace/name" of a ConfigMap that the controller keeps the report in. */
  readonly selinuxReport?: string;
}

/** Where the commands get the cluster from: files, a running controller, or an API server. */
export interface SELinuxSource extends ClusterFlags, Pick<SELinuxFlags, "selinuxProcessLabel" | "selinuxFileLabel"> {
  /** Manifests; "-" is standard input. Empty: a cluster is asked. */
  readonly filename: readonly string[];
  readonly namespace?: string;
  readonly logLevel: LogLevel;
}

export const FAIL_ON = ["none", "now", "any", "unsafe"] as const;
export type FailOn = (typeof FAIL_ON)[number];
export const CONFLICT_FORMATS = ["table", "wide", "json", "yaml"] as const;
export type ConflictFormat = (typeof CONFLICT_FORMATS)[number];
export const GATE_FORMATS = ["text", "json", "yaml", "configmap", "event"] as const;
export type GateFormat = (typeof GATE_FORMATS)[number];
export const OPT_OUT_FORMS = ["strategic", "kustomize", "policy", "kyverno", "gatekeeper"] as const;
export type OptOutForm = (typeof OPT_OUT_FORMS)[number];

export interface SELinuxConflictsOptions extends SELinuxSource {
  readonly output: ConflictFormat;
  readonly failOn: FailOn;
  /** URL of a running controller manager that is asked instead, with the kubeconfig's credentials. */
  readonly controller?: string;
  /** File with the authority of the controller's certificate; absent: the kubeconfig's. */
  readonly certificateAuthority?: string;
  /** Trusts the controller's certificate whatever it is. */
  readonly insecureSkipTlsVerify: boolean;
}

export interface SELinuxGateOptions extends SELinuxSource {
  readonly output: GateFormat;
  /** "namespace/name" of a ConfigMap to write the report to, with an event. */
  readonly publish?: string;
}

export interface SELinuxOptOutOptions extends SELinuxSource {
  readonly form: OptOutForm;
  readonly claim?: string;
  readonly workload?: string;
  readonly dryRun: boolean;
  readonly apply: boolean;
}
