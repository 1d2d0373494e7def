import type { FeatureGates } from "../api/feature-gates.ts";
import type { KubeletConfiguration } from "../api/kubelet-configuration.ts";
import { StatusError } from "../api/status-error.ts";
import type { ConnectMode } from "../core/authz/kubelet-request.ts";
import type { ClusterClient } from "../machinery/cluster-client.ts";
import type { ClientCertificateVerifier } from "../ports/client-certificates.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { createKubeletAuthenticator } from "./authentication/authenticator.ts";
import { createTokenReviews } from "./authentication/token-reviews.ts";
import { createAccessReviews } from "./authorization/access-reviews.ts";
import { createCheckAccess } from "./authorization/check-access.ts";
import type { KubeletMetrics } from "./metrics/kubelet-metrics.ts";
import type { CheckAccess } from "./server/access.ts";
import type { ObserveAccess } from "./server/kubelet-server.ts";

export interface ApiAccessDeps {
  readonly client: Pick<ClusterClient, "create">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: KubeletMetrics;
  readonly clientCertificates?: () => ClientCertificateVerifier | undefined;
}

export interface ApiAccessOptions {
  readonly nodeName: string;
  readonly configuration: Pick<KubeletConfiguration, "authentication" | "authorization">;
  readonly gates: FeatureGates;
}

/** Authentication and authorization of the kubelet's API as configured, and the counters of their decisions. */
export function createCheckAccessFor(
  deps: ApiAccessDeps,
  options: ApiAccessOptions,
): { readonly checkAccess: CheckAccess; readonly observeAccess: ObserveAccess } {
  const { clock, random, metrics } = deps;
  const { authentication, authorization } = options.configuration;
  const { cacheAuthorizedTTL, cacheUnauthorizedTTL } = authorization.webhook;
  const connectMode = connectModeOf(authorization.connect);
  const reviewToken = authentication.webhook.enabled
    ? createTokenReviews({ client: timed(deps, "authn"), clock, random }, { cacheMs: authentication.webhook.cacheTTL })
    : undefined;
  const reviewAccess =
    authorization.mode === "Webhook"
      ? createAccessReviews(
          { client: timed(deps, "authz"), clock, random },
          { cacheAllowedMs: cacheAuthorizedTTL, cacheRefusedMs: cacheUnauthorizedTTL },
        )
      : undefined;
  const authenticate = createKubeletAuthenticator(
    {
      clock,
      ...(deps.clientCertificates !== undefined && { clientCertificates: deps.clientCertificates }),
      ...(reviewToken !== undefined && { reviewToken }),
    },
    {
      anonymous: authentication.anonymous.enabled,
      readUidFromCertificates: options.gates.enabled("AllowParsingUserUIDFromCertAuth"),
    },
  );
  const checkAccess = createCheckAccess(
    { authenticate, log: deps.log, ...(reviewAccess !== undefined && { reviewAccess }) },
    { nodeName: options.nodeName, fineGrained: options.gates.enabled("KubeletFineGrainedAuthz"), connectMode },
  );
  return {
    checkAccess,
    observeAccess: (request, verdict) => {
      switch (verdict.access) {
        case "granted":
          metrics.access(verdict.fallback ? "allowed-by-proxy" : "allowed", verdict.subresource);
          break;
        case "forbidden":
          metrics.access("forbidden", verdict.subresources[0] ?? "proxy");
          break;
        case "error":
          metrics.access("error", verdict.subresource);
          break;
        case "unauthenticated":
          metrics.access("unauthenticated", "");
          return;
      }
      if ("getOnly" in verdict && verdict.getOnly === true) {
        metrics.getOnlyConnect(request.path.split("/")[1] ?? "", connectMode);
      }
    },
  };
}

function connectModeOf(text: string): ConnectMode {
  return text === "warn" || text === "legacy" ? text : "enforce";
}

/** Counts and times what is asked of the API server. */
function timed({ client, clock, metrics }: ApiAccessDeps, kind: "authn" | "authz"): Pick<ClusterClient, "create"> {
  return {
    create: async (...parameters) => {
      const begun = clock.monotonic();
      const done = (code: string): void => metrics.delegated(kind, code, (clock.monotonic() - begun) / 1_000);
      try {
        const answer = await client.create(...parameters);
        done("201");
        return answer;
      } catch (reason) {
        done(reason instanceof StatusError ? String(reason.code) : "<error>");
        throw reason;
      }
    },
  };
}
