import { createClusterTransport } from "../adapters/cluster/transport.ts";
import { ORLOP_VERSION } from "../api/version.ts";
import type { SELinuxConflictsOptions } from "../cli/selinux/options.ts";
import { UsageError } from "../cli/usage-error.ts";
import { type ConflictReport, REPORT_KIND } from "../core/selinux-report/report.ts";
import { messageOf, OrlopError } from "../lib/orlop-error.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import type { SystemDeps } from "./system.ts";
import { findUserConnection } from "./user-connection.ts";

/** The report of a running controller manager, asked with the credentials of the kubeconfig. @param server its URL */
export async function askController(
  deps: SystemDeps,
  options: SELinuxConflictsOptions,
  server: string,
  signal: AbortSignal,
): Promise<ConflictReport> {
  if (options.filename.length > 0) throw new UsageError("--controller and -f exclude each other");
  if (!URL.canParse(server)) throw new UsageError(`invalid value "${server}" for --controller: must be a URL`);
  const transport = createClusterTransport(await connectionTo(server, options, signal), deps);
  try {
    const client = createClusterClient({ transport, userAgent: `orlop-selinux/${ORLOP_VERSION}` });
    const query = options.namespace === undefined ? "" : `?namespace=${encodeURIComponent(options.namespace)}`;
    const report = await client.getPath<ConflictReport>(`/selinux/conflicts${query}`, signal).catch(explained);
    if (report.kind !== REPORT_KIND) {
      throw new OrlopError(
        "Invalid",
        `${server} did not answer with a ${REPORT_KIND}: is it a controller manager of Orlop?`,
      );
    }
    return report;
  } finally {
    await transport.close();
  }
}

async function connectionTo(server: string, options: SELinuxConflictsOptions, signal: AbortSignal) {
  const {
    certificateAuthority,
    insecureSkipTlsVerify: _,
    tlsServerName: __,
    ...credentials
  } = await findUserConnection(options, signal);
  const authority =
    options.certificateAuthority === undefined ? certificateAuthority : { file: options.certificateAuthority };
  const trust = options.insecureSkipTlsVerify
    ? { insecureSkipTlsVerify: true }
    : authority !== undefined && { certificateAuthority: authority };
  return { ...credentials, ...trust, server };
}

function explained(reason: unknown): never {
  const text = messageOf(reason);
  if (!/certificate/i.test(text)) throw reason;
  throw new OrlopError(
    "Unavailable",
    `${text}: name its authority with --certificate-authority, start the controller manager with --tls-cert-file, or give --insecure-skip-tls-verify`,
    { cause: reason, retry: "never" },
  );
}
