import { join } from "node:path";
import { type ClusterPki, ensureClusterPki } from "../adapters/tls/cluster-pki.ts";
import { writeAdminKubeconfig } from "./admin-kubeconfig.ts";
import { SERVICE_ADDRESS } from "./control-plane.ts";
import { createLivePki, type RenewingPki } from "./live-pki.ts";
import type { NodePlace } from "./node-place.ts";
import type { SystemDeps } from "./system.ts";

export interface ClusterPkiPlace {
  readonly dataDir: string;
  readonly place: NodePlace;
  /** Where the administrator's kubeconfig is written, also after each renewal. */
  readonly kubeconfig: string;
  /** e.g. "https://10.0.0.7:6443" */
  readonly server: string;
}

/** All certificates of the cluster in a data directory, made or renewed where needed, now and as long as the unit runs. */
export async function clusterPki(deps: SystemDeps, options: ClusterPkiPlace): Promise<RenewingPki> {
  const { place, kubeconfig, server } = options;
  const ensure = async (): Promise<ClusterPki> => {
    const pki = await ensureClusterPki({
      directory: join(options.dataDir, "pki"),
      nodeName: place.name,
      apiServerNames: place.addresses,
      nodeAddresses: place.addresses,
      serviceAddress: SERVICE_ADDRESS,
      now: deps.clock.now(),
    });
    if (pki.changed.length > 0) deps.log.info("Certificates were made or renewed", { certificates: pki.changed });
    const { certificatePem, privateKeyPem } = pki.admin;
    await writeAdminKubeconfig(kubeconfig, { server, authorityPem: pki.authorityPem, certificatePem, privateKeyPem });
    return pki;
  };
  return createLivePki(deps, await ensure(), ensure);
}
