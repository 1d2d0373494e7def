import { unauthorized } from "../../api/status-error.ts";
import type { User } from "../../api/user.ts";
import { firstProven, RefusedCredentials } from "../../core/authn/attempts.ts";
import { certificateUser } from "../../core/authn/certificate-user.ts";
import { type PresentedToken, tokenInHeader, tokenInProtocols } from "../../core/authn/presented-token.ts";
import type { ClientCertificateVerifier } from "../../ports/client-certificates.ts";
import type { Clock } from "../../ports/clock.ts";
import type { HttpRequest } from "../../ports/http.ts";
import type { Log } from "../../ports/log.ts";
import type { Authenticator } from "../extension.ts";
import type { TokenAuthenticator } from "./token-authenticator.ts";

export interface AuthenticatorDeps {
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  /** Knows the client CA. Absent: client certificates say nothing. */
  readonly clientCertificates?: ClientCertificateVerifier;
  /** Tried in order. */
  readonly tokens: readonly TokenAuthenticator[];
}

async function byToken(presented: PresentedToken, tokens: readonly TokenAuthenticator[]): Promise<User | undefined> {
  switch (presented.type) {
    case "none":
      return undefined;
    case "malformed":
      throw new RefusedCredentials(presented.reason);
    case "token": {
      for (const authenticate of tokens) {
        const verdict = await authenticate(presented.token, []);
        if (verdict.type === "authenticated") return verdict.user;
        if (verdict.type === "refused") throw new RefusedCredentials(verdict.reason);
      }
      throw new RefusedCredentials("invalid bearer token");
    }
  }
}

/**
 * Client certificate, then bearer token, then WebSocket token; the first that proves who somebody is counts. A request
 * with bad credentials and no good ones is refused: it must not pass as anonymous.
 */
export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const byCertificate = async ({ peer }: HttpRequest): Promise<User | undefined> => {
    if (deps.clientCertificates === undefined || peer.certificates.length === 0) return undefined;
    const verified = deps.clientCertificates.verify(peer.certificates, deps.clock.now());
    if (!verified.ok) throw new RefusedCredentials(`x509: ${verified.reason}`);
    const user = certificateUser(verified.value, { readUid: true });
    if (!user.ok) throw new RefusedCredentials(user.reason);
    return user.value;
  };

  return async (request) => {
    const result = await firstProven([
      async () => await byCertificate(request),
      async () => await byToken(tokenInHeader(request.headers), deps.tokens),
      async () => await byToken(tokenInProtocols(request.headers), deps.tokens),
    ]);
    switch (result.type) {
      case "proven":
        return result.user;
      case "nothing-shown":
        return undefined;
      case "refused":
        deps.log.info("Unable to authenticate the request", {
          problems: result.problems,
          address: request.peer.address,
        });
        throw unauthorized();
    }
  };
}
