import { resolve } from "node:path";
import type { ApiServerFlags } from "../cli/api-server-flags.ts";
import { loadAdmissionSettings } from "./admission-configuration.ts";
import type { ControlPlaneOptions } from "./control-plane.ts";

export type ApiServerSettings = Pick<ControlPlaneOptions, "admission" | "auditLog">;

/** What the flags of the embedded API server come to. Throws OrlopError Invalid for a configuration that can not be used. */
export async function apiServerSettings(flags: ApiServerFlags): Promise<ApiServerSettings> {
  const { admissionControlConfigFile, auditLogPath, auditLogMaxsize, auditLogMaxbackup } = flags;
  return {
    admission: await loadAdmissionSettings(admissionControlConfigFile),
    ...(auditLogPath !== undefined && {
      auditLog: {
        path: resolve(auditLogPath),
        maximumBytes: auditLogMaxsize * 2 ** 20,
        backups: auditLogMaxbackup,
      },
    }),
  };
}
