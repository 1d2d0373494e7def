import { messageOf } from "../lib/orlop-error.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { CONFIG_MAPS } from "./resources.ts";
import type { Unit } from "./unit.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";

export interface ClientAuthoritiesDeps {
  readonly client: Pick<ClusterClient, "get">;
  readonly clock: Clock;
  readonly log: Log;
  /** Given the PEM of the authorities when it is found, and when it changes. */
  readonly use: (pem: string) => void;
}

/** Where every API server publishes whose client certificates it accepts. */
const WHERE = { namespace: "kube-system", name: "extension-apiserver-authentication" } as const;
const KEY = "client-ca-file";
const RETRY_MS = 30_000;
const REFRESH_MS = 600_000;

/**
 * Looks up the authorities of client certificates in the cluster, as kube-controller-manager does, so that whoever reaches the
 * API server with a certificate reaches this process, too. Without them only tokens are accepted; ready at once.
 */
export function createClientAuthoritiesLookup({ client, clock, log, use }: ClientAuthoritiesDeps): Unit {
  return {
    name: "client certificate authorities",
    async run(signal, ready) {
      ready();
      let known: string | undefined;
      let told = false;
      while (!signal.aborted) {
        try {
          const pem = (await client.get(CONFIG_MAPS, WHERE, signal)).data?.[KEY];
          if (pem !== undefined && pem !== known) use(pem);
          known = pem ?? known;
        } catch (reason) {
          if (signal.aborted) return;
          if (!told) log.info("client certificates of the cluster are not accepted yet", { error: messageOf(reason) });
          told = true;
        }
        await clock.sleep(known === undefined ? RETRY_MS : REFRESH_MS, signal).catch(() => undefined);
      }
    },
  };
}
