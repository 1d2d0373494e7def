import type { Command } from "commander";
import { parseCount } from "./flag-values.ts";

/** Flags of the embedded API server that `orlop up` and `orlop apiserver` share, named as kube-apiserver's. */
export interface ApiServerFlags {
  readonly admissionControlConfigFile?: string;
  /** Absent: requests are not recorded. */
  readonly auditLogPath?: string;
  /** MiB. */
  readonly auditLogMaxsize: number;
  readonly auditLogMaxbackup: number;
}

export function addApiServerFlags(command: Command): Command {
  return command
    .option(
      "--admission-control-config-file <file>",
      "AdmissionConfiguration (apiserver.config.k8s.io/v1) with defaults and exemptions of PodSecurity",
    )
    .option("--audit-log-path <file>", "record of requests to the API server, one JSON line each")
    .option(
      "--audit-log-maxsize <megabytes>",
      "size at which the record is rotated",
      parseCount("--audit-log-maxsize"),
      100,
    )
    .option("--audit-log-maxbackup <count>", "rotated records that are kept", parseCount("--audit-log-maxbackup"), 10);
}
