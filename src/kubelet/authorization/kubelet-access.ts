import { OrlopError } from "../../lib/orlop-error.ts";
import type { FeatureGates } from "../../api/feature-gates.ts";
import type { KubeletConfiguration } from "../../api/kubelet-configuration.ts";
import type { ConnectMode } from "../../core/authz/kubelet-request.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import type { ClientCertificateVerifier } from "../../ports/client-certificates.ts";
import type { Clock } from "../../ports/clock.ts";
import type { HttpRequest } from "../../ports/http.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import { createKubeletAuthenticator } from "../authentication/authenticator.ts";
import type { ObserveLookups } from "../authentication/shared-lookups.ts";
import { createTokenReviews } from "../authentication/token-reviews.ts";
import { createAccessReviews, type ReviewAccess } from "./access-reviews.ts";
import { type AccessVerdict, createCheckAccess } from "./check-access.ts";

export interface KubeletAccessDeps {
  /** The API server, as this node. Absent for a kubelet that asks nobody. */
  readonly client?: Pick<ClusterClient, "create">;
  /** The verifier of authentication.x509.clientCAFile as it is now; absent when no file is configured. */
  readonly clientCertificates?: () => ClientCertificateVerifier | undefined;
  readonly gates: FeatureGates;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** One attempt to ask the API server, for metrics. */
  readonly observeReview?: (kind: "authn" | "authz", code: string, seconds: number) => void;
  readonly observeTokenCache?: ObserveLookups;
}

export interface KubeletAccessOptions {
  readonly nodeName: string;
  readonly authentication: KubeletConfiguration["authentication"];
  readonly authorization: KubeletConfiguration["authorization"];
  readonly connectMode: ConnectMode;
}

/**
 * Everything that guards the kubelet's API, as configured. Throws OrlopError Invalid, with upstream's texts, for a
 * configuration that can not work.
 */
export function createKubeletAccess(
  deps: KubeletAccessDeps,
  options: KubeletAccessOptions,
): (request: HttpRequest) => Promise<AccessVerdict> {
  const { clientCertificates, gates, log, observeTokenCache } = deps;
  const { authentication, nodeName, connectMode } = options;
  const { webhook, anonymous } = authentication;
  const reviewToken = webhook.enabled
    ? createTokenReviews(
        { ...reviewDeps(deps, "authn"), ...(observeTokenCache !== undefined && { observeCache: observeTokenCache }) },
        { cacheMs: webhook.cacheTTL },
      )
    : undefined;
  const authenticate = createKubeletAuthenticator(
    {
      clock: deps.clock,
      ...(clientCertificates !== undefined && { clientCertificates }),
      ...(reviewToken !== undefined && { reviewToken }),
    },
    {
      anonymous: anonymous.enabled,
      readUidFromCertificates: gates.enabled("AllowParsingUserUIDFromCertAuth"),
    },
  );
  const reviewAccess = reviewAccessOf(deps, options);
  return createCheckAccess(
    { authenticate, log, ...(reviewAccess !== undefined && { reviewAccess }) },
    { nodeName, fineGrained: gates.enabled("KubeletFineGrainedAuthz"), connectMode },
  );
}

function reviewAccessOf(deps: KubeletAccessDeps, { authorization }: KubeletAccessOptions): ReviewAccess | undefined {
  const { mode, webhook } = authorization;
  switch (mode) {
    case "AlwaysAllow":
      return undefined;
    case "Webhook":
      return createAccessReviews(reviewDeps(deps, "authz"), {
        cacheAllowedMs: webhook.cacheAuthorizedTTL,
        cacheRefusedMs: webhook.cacheUnauthorizedTTL,
      });
    case "":
      throw new OrlopError("Invalid", "no authorization mode specified");
    default:
      throw new OrlopError("Invalid", `unknown authorization mode ${mode}`);
  }
}

function reviewDeps(deps: KubeletAccessDeps, kind: "authn" | "authz") {
  const { client, clock, random, observeReview } = deps;
  if (client === undefined) {
    const what = kind === "authn" ? "authentication" : "authorization";
    throw new OrlopError("Invalid", `no client provided, cannot use webhook ${what}`);
  }
  return {
    client,
    clock,
    random,
    ...(observeReview !== undefined && {
      observe: (code: string, seconds: number) => {
        observeReview(kind, code, seconds);
      },
    }),
  };
}
