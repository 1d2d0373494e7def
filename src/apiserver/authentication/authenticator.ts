import { unauthorized } from "../../api/status-error.ts";
import type { User } from "../../api/user.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { withAuthenticatedGroup } from "../../core/authn/authenticated-group.ts";
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

/** One way to say who one is: a user, undefined when it was not used, a thrown reason when it was used wrongly. */
type Attempt = (request: HttpRequest) => Promise<User | undefined>;

class Refused extends Error {
  override readonly name = "Refused";
}

async function byToken(presented: PresentedToken, tokens: readonly TokenAuthenticator[]): Promise<User | undefined> {
  switch (presented.type) {
    case "none":
      return undefined;
    case "malformed":
      throw new Refused(presented.reason);
    case "token": {
      for (const authenticate of tokens) {
        const verdict = await authenticate(presented.token, []);
        if (verdict.type === "authenticated") return verdict.user;
        if (verdict.type === "refused") throw new Refused(verdict.reason);
      }
      throw new Refused("invalid bearer token");
    }
  }
}

/**
 * Client certificate, then bearer token, then WebSocket token; the first that proves who somebody is counts. A request
 * with bad credentials and no good ones is refused: it must not pass as anonymous.
 */
export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const byCertificate: Attempt = async ({ peer }) => {
    if (deps.clientCertificates === undefined || peer.certificates.length === 0) return undefined;
    const verified = deps.clientCertificates.verify(peer.certificates, deps.clock.now());
    if (!verified.ok) throw new Refused(`x509: ${verified.reason}`);
    const user = certificateUser(verified.value, { readUid: true });
    if (!user.ok) throw new Refused(user.reason);
    return user.value;
  };
  const attempts: readonly Attempt[] = [
    byCertificate,
    async ({ headers }) => await byToken(tokenInHeader(headers), deps.tokens),
    async ({ headers }) => await byToken(tokenInProtocols(headers), deps.tokens),
  ];

  return async (request) => {
    const problems: string[] = [];
    for (const attempt of attempts) {
      try {
        const user = await attempt(request);
        if (user !== undefined) return withAuthenticatedGroup(user);
      } catch (reason) {
        problems.push(messageOf(reason));
      }
    }
    if (problems.length === 0) return undefined;
    deps.log.info("Unable to authenticate the request", { problems, address: request.peer.address });
    throw unauthorized();
  };
}
