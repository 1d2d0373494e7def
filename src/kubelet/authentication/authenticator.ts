import { ANONYMOUS, type User } from "../../api/user.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import { type Attempt, firstProven, RefusedCredentials } from "../../core/authn/attempts.ts";
import { certificateUser } from "../../core/authn/certificate-user.ts";
import { type PresentedToken, tokenInHeader, tokenInProtocols } from "../../core/authn/presented-token.ts";
import type { ClientCertificateVerifier } from "../../ports/client-certificates.ts";
import type { Clock } from "../../ports/clock.ts";
import type { HttpRequest } from "../../ports/http.ts";
import type { ReviewToken } from "./token-reviews.ts";

export type KubeletAuthentication =
  | { readonly type: "user"; readonly user: User }
  /** For the log; the client is told nothing but "Unauthorized". */
  | { readonly type: "refused"; readonly problems: readonly string[] };

export interface KubeletAuthenticatorDeps {
  readonly clock: Pick<Clock, "now">;
  /** Asked for each request, so that the client CA can be reloaded. undefined: certificates say nothing. */
  readonly clientCertificates?: () => ClientCertificateVerifier | undefined;
  /** Absent when authentication.webhook is off. */
  readonly reviewToken?: ReviewToken;
}

export interface KubeletAuthenticatorOptions {
  /** authentication.anonymous.enabled */
  readonly anonymous: boolean;
  /** Gate AllowParsingUserUIDFromCertAuth. */
  readonly readUidFromCertificates: boolean;
}

/**
 * Client certificate, bearer token, WebSocket token, then anonymous if that is on and nothing was shown. Throws OrlopError
 * Invalid when there would be no way in at all.
 */
export function createKubeletAuthenticator(
  deps: KubeletAuthenticatorDeps,
  options: KubeletAuthenticatorOptions,
): (request: HttpRequest) => Promise<KubeletAuthentication> {
  if (deps.clientCertificates === undefined && deps.reviewToken === undefined && !options.anonymous) {
    throw new OrlopError("Invalid", "no authentication method configured");
  }

  const byCertificate = async ({ peer }: HttpRequest): Promise<User | undefined> => {
    const verifier = deps.clientCertificates?.();
    if (verifier === undefined || !peer.encrypted || peer.certificates.length === 0) return undefined;
    const verified = verifier.verify(peer.certificates, deps.clock.now());
    if (!verified.ok) throw new RefusedCredentials(`x509: ${verified.reason}`);
    const user = certificateUser(verified.value, { readUid: options.readUidFromCertificates });
    if (!user.ok) throw new RefusedCredentials(user.reason);
    return user.value;
  };

  const byToken = async (presented: PresentedToken, asker: HttpRequest): Promise<User | undefined> => {
    if (deps.reviewToken === undefined || presented.type === "none") return undefined;
    if (presented.type === "malformed") throw new RefusedCredentials(presented.reason);
    const verdict = await deps.reviewToken(presented.token, asker);
    if (verdict.type === "unknown") throw new RefusedCredentials("invalid bearer token");
    return verdict.user;
  };

  return async (request) => {
    const attempts: readonly Attempt[] = [
      async () => await byCertificate(request),
      async () => await byToken(tokenInHeader(request.headers), request),
      async () => await byToken(tokenInProtocols(request.headers), request),
    ];
    const result = await firstProven(attempts);
    switch (result.type) {
      case "proven":
        return { type: "user", user: result.user };
      case "refused":
        return { type: "refused", problems: result.problems };
      case "nothing-shown":
        return options.anonymous ? { type: "user", user: ANONYMOUS } : { type: "refused", problems: [] };
    }
  };
}
