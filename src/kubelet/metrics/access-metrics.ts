import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ConnectMode } from "../../core/authz/kubelet-request.ts";
import type { ObserveLookups } from "../authentication/shared-lookups.ts";
import type { AccessVerdict } from "../authorization/check-access.ts";

/** Numbers about who was let in. Upstream has those about reviews and the token cache, not those about decisions. */
export interface AccessMetrics {
  /** One decision. @param connectPath the first segment of the path, e.g. "exec" */
  decided(verdict: AccessVerdict, connectPath: string, mode: ConnectMode): void;
  /** One attempt to ask the API server; `code` is "<error>" when there was no answer. */
  review(kind: "authn" | "authz", code: string, seconds: number): void;
  readonly tokenCache: ObserveLookups;
  /** A record of the trail could not be kept. */
  trailDropped(): void;
}

const REVIEW_BUCKETS = [0.25, 0.5, 0.7, 1, 1.5, 3, 5, 10];

export function createAccessMetrics(registry: Registry): AccessMetrics {
  const registers = [registry];
  const decisions = new Counter({
    name: "orlop_kubelet_api_decisions_total",
    help: "Decisions about requests to the kubelet API by the nodes subresource they were decided on",
    labelNames: ["subresource", "decision"] as const,
    registers,
  });
  const getOnly = new Counter({
    name: "orlop_kubelet_get_only_connects_total",
    help: "Requests for exec, attach, portForward or run by callers that are granted get but not create",
    labelNames: ["path", "mode"] as const,
    registers,
  });
  const trailDropped = new Counter({
    name: "orlop_kubelet_trail_dropped_total",
    help: "Records of the trail of requests to the kubelet API that could not be kept",
    registers,
  });
  return {
    decided(verdict, connectPath, mode) {
      decisions.inc(decisionLabels(verdict));
      if ("getOnly" in verdict && verdict.getOnly === true) getOnly.inc({ path: connectPath, mode });
    },
    review: createReviewMetrics(registers),
    tokenCache: createTokenCacheMetrics(registers),
    trailDropped: () => trailDropped.inc(),
  };
}

function decisionLabels(verdict: AccessVerdict): { readonly subresource: string; readonly decision: string } {
  switch (verdict.access) {
    case "granted":
      return { subresource: verdict.subresource, decision: verdict.fallback ? "allowed-by-proxy" : "allowed" };
    case "forbidden":
      return { subresource: verdict.subresources[0] ?? "proxy", decision: "forbidden" };
    case "error":
      return { subresource: verdict.subresource, decision: "error" };
    case "unauthenticated":
      return { subresource: "", decision: "unauthenticated" };
  }
}

function createReviewMetrics(registers: Registry[]): AccessMetrics["review"] {
  const make = (kind: string, what: string) => ({
    total: new Counter({
      name: `apiserver_delegated_${kind}_request_total`,
      help: `[ALPHA] Number of HTTP requests to the ${what} webhook partitioned by status code.`,
      labelNames: ["code"] as const,
      registers,
    }),
    duration: new Histogram({
      name: `apiserver_delegated_${kind}_request_duration_seconds`,
      help: "[ALPHA] Request latency in seconds. Broken down by status code.",
      labelNames: ["code"] as const,
      buckets: REVIEW_BUCKETS,
      registers,
    }),
  });
  const metrics = { authn: make("authn", "authentication"), authz: make("authz", "authorization") };
  return (kind, code, seconds) => {
    metrics[kind].total.inc({ code });
    metrics[kind].duration.observe({ code }, seconds);
  };
}

function createTokenCacheMetrics(registers: Registry[]): ObserveLookups {
  const options = (name: string, what: string) => ({
    name: `authentication_token_cache_${name}`,
    help: `[ALPHA] ${what}`,
    labelNames: ["status"] as const,
    registers,
  });
  const requests = new Counter(options("request_total", "Bearer tokens looked up, by whether they were in the cache."));
  const durations = new Histogram(options("request_duration_seconds", "Time to look up a bearer token."));
  const fetches = new Counter(options("fetch_total", "Bearer tokens the API server was asked about, by outcome."));
  const active = new Gauge(
    options("active_fetch_count", "Lookups that wait: in_flight for the API server, blocked for one in flight."),
  );
  return {
    found(status, seconds) {
      requests.inc({ status });
      durations.observe({ status }, seconds);
    },
    waiting: (status, change) => active.inc({ status }, change),
    fetched: (status) => fetches.inc({ status }),
  };
}
