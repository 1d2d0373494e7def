import { join } from "node:path";
import { type ClusterPki, ensureClusterPki } from "../adapters/tls/cluster-pki.ts";
import { SERVICE_ADDRESS } from "./control-plane.ts";
import type { NodePlace } from "./node-place.ts";
import type { SystemDeps } from "./system.ts";

/** All certificates of the cluster in a data directory, made or renewed where needed. */
export async function clusterPki(deps: SystemDeps, dataDir: string, place: NodePlace): Promise<ClusterPki> {
  const pki = await ensureClusterPki({
    directory: join(dataDir, "pki"),
    nodeName: place.name,
    apiServerNames: place.addresses,
    nodeAddresses: place.addresses,
    serviceAddress: SERVICE_ADDRESS,
    now: deps.clock.now(),
  });
  if (pki.changed.length > 0) deps.log.info("Certificates were made or renewed", { certificates: pki.changed });
  return pki;
}
