import { ORLOP_VERSION } from "../api/version.ts";
import { hasReason } from "../machinery/answer-error.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import { CONFIG_MAPS } from "../machinery/resources.ts";
import type { Unit } from "../machinery/unit.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";

const WHERE = { namespace: "kube-system", name: "extension-apiserver-authentication" } as const;

/** Publishes whose client certificates this API server accepts, where controller managers and extension servers look. */
export function createClientAuthorityPublisher(transport: ClusterTransport, authorityPem: () => string): Unit {
  const client = createClusterClient({ transport, userAgent: `orlop-apiserver/${ORLOP_VERSION}` });
  return {
    name: "client certificate authority",
    async run(signal, ready) {
      const data = { "client-ca-file": authorityPem() };
      await client.patch(CONFIG_MAPS, WHERE, { type: "merge", value: { data } }, signal).catch((reason: unknown) => {
        if (!hasReason(reason, "NotFound")) throw reason;
        return client.create(CONFIG_MAPS, { metadata: WHERE, data }, signal);
      });
      ready();
    },
  };
}
