import type { FailOn } from "../../core/audit/threshold.ts";
import type { ClusterFlags } from "../cluster-flags.ts";

export const REPORT_FORMS = ["table", "wide", "json", "yaml", "sarif", "markdown", "html", "fix", "name"] as const;
export type ReportForm = (typeof REPORT_FORMS)[number];

/** "kyverno" is its ValidatingPolicy (1.17 or newer); "kyverno-clusterpolicy" what came before (1.12 to 1.19). */
export const POLICY_FORMS = ["vap", "kyverno", "kyverno-clusterpolicy", "gatekeeper"] as const;
export type PolicyForm = (typeof POLICY_FORMS)[number];

export const POLICY_MODES = ["deny", "warn", "audit"] as const;
export type PolicyMode = (typeof POLICY_MODES)[number];

export interface AuditKubeletOptions extends ClusterFlags {
  /** Files, folders, snapshots, "-"; empty for the cluster. */
  readonly files: readonly string[];
  readonly namespace: string;
  readonly output: ReportForm;
  readonly outputFile?: string;
  readonly failOn: FailOn;
  readonly allowIncomplete: boolean;
  readonly exceptions?: string;
  readonly baseline?: string;
  readonly auditLog: readonly string[];
  readonly kubeletVersion: string;
  readonly subject?: string;
  readonly color: boolean;
  readonly quiet: boolean;
}

export interface CollectOptions extends ClusterFlags {
  readonly output: string;
  readonly quiet: boolean;
}

export interface PolicyOptions {
  readonly form: PolicyForm;
  readonly mode: PolicyMode;
  readonly exceptions?: string;
  readonly strict: boolean;
}
