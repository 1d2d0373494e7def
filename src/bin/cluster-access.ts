import { createClusterTransport } from "../adapters/cluster/transport.ts";
import { createSystemClock } from "../adapters/system/clock.ts";
import { ORLOP_VERSION } from "../api/version.ts";
import type { ClusterFlags } from "../cli/cluster-flags.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import { type ClusterSnapshot, takeSnapshot } from "./cluster-snapshot.ts";
import { findUserConnection } from "./user-connection.ts";

/** Reads the cluster of a kubeconfig. Nothing is written there. */
export async function snapshotOf(
  flags: ClusterFlags,
  options: { readonly signal: AbortSignal; readonly progress: (text: string) => void },
): Promise<ClusterSnapshot> {
  const { signal, progress } = options;
  const connection = await findUserConnection(flags, signal);
  const transport = createClusterTransport(connection, { clock: createSystemClock() });
  try {
    const client = createClusterClient({ transport, userAgent: `orlop-audit/${ORLOP_VERSION}` });
    return await takeSnapshot(
      { client, progress },
      { server: connection.server, now: new Date().toISOString(), signal },
    );
  } finally {
    await transport.close();
  }
}

/** Progress for people: only when they look, and never between lines of a result. */
export function progressOn(stream: NodeJS.WriteStream, quiet: boolean): (text: string) => void {
  if (quiet || !stream.isTTY) return () => undefined;
  return (text) => stream.write(`\r\u001b[Korlop: ${text}`);
}

export function endProgress(stream: NodeJS.WriteStream, quiet: boolean): void {
  if (!quiet && stream.isTTY) stream.write("\r\u001b[K");
}
