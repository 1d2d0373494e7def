import type { CSIDriver, Pod } from "../../api/types.ts";
import type { ServiceAccountTokens } from "../volumes/service-account-tokens.ts";

/** What a driver gets of the tokens it asked for. */
export interface TokensForDriver {
  readonly attributes: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** Tokens of a pod's service account, for drivers with tokenRequests. */
export interface CsiTokens {
  of(pod: Pod, driver: CSIDriver | undefined, signal: AbortSignal): Promise<TokensForDriver>;
}

const KEY = "csi.storage.k8s.io/serviceAccount.tokens";

export function createCsiTokens(tokens: Pick<ServiceAccountTokens, "issued">): CsiTokens {
  return {
    async of(pod, driver, signal) {
      const requests = driver?.spec?.tokenRequests ?? [];
      if (requests.length === 0) return { attributes: {}, secrets: {} };
      const issued = await Promise.all(
        requests.map(async ({ audience, expirationSeconds }) => {
          const wish = { audience, ...(expirationSeconds !== undefined && { expirationSeconds }) };
          const { token, expiresAt } = await tokens.issued(pod, wish, signal);
          const expirationTimestamp = new Date(expiresAt).toISOString().replace(/\.\d+Z$/, "Z");
          return [audience, { token, expirationTimestamp }] as const;
        }),
      );
      const value = { [KEY]: JSON.stringify(Object.fromEntries(issued)) };
      // The attributes of a volume are not secret for many drivers; those that know better get them as secrets.
      const inSecrets = driver?.spec?.serviceAccountTokenInSecrets === true;
      return inSecrets ? { attributes: {}, secrets: value } : { attributes: value, secrets: {} };
    },
  };
}
