import type { HttpResponse } from "../../ports/http.ts";
import type { ServiceAccountTokens } from "./service-account-tokens.ts";

export const OPENID_CONFIGURATION_PATH = "/.well-known/openid-configuration";
export const OPENID_KEYS_PATH = "/openid/v1/jwks";

export interface OpenIdDiscoveryOptions {
  /** Host and port under which clients reach this server. */
  readonly externalAddress: string;
}

/**
 * Lets others check ServiceAccount tokens (OpenID Connect discovery). Answers these two paths, authorised by the
 * caller; undefined for any other path.
 */
export function openIdDiscovery(
  tokens: ServiceAccountTokens,
  { externalAddress }: OpenIdDiscoveryOptions,
): (path: string) => Promise<HttpResponse | undefined> {
  const document = (contentType: string, value: unknown): HttpResponse => ({
    status: 200,
    headers: { "Content-Type": contentType, "Cache-Control": "public, max-age=3600" },
    body: JSON.stringify(value),
  });
  return async (path) => {
    switch (path) {
      case OPENID_CONFIGURATION_PATH: {
        const keys = await tokens.publicKeys();
        return document("application/json", {
          issuer: tokens.issuer,
          jwks_uri: `https://${externalAddress}${OPENID_KEYS_PATH}`,
          response_types_supported: ["id_token"],
          subject_types_supported: ["public"],
          id_token_signing_alg_values_supported: [...new Set(keys.map(({ alg }) => alg ?? ""))].sort(),
        });
      }
      case OPENID_KEYS_PATH:
        return document("application/jwk-set+json", { keys: await tokens.publicKeys() });
      default:
        return undefined;
    }
  };
}
