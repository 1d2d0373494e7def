import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Clock } from "../../ports/clock.ts";

export interface ObservedRequest {
  readonly method: string;
  /** The label `path`; one of a closed set. */
  readonly bucket: string;
  readonly longRunning: boolean;
  readonly serverType: "readonly" | "readwrite";
}

/** One request: called at its start; the function it returns at its end. */
export type ObserveRequest = (request: ObservedRequest) => () => void;

const LABELS = ["method", "path", "server_type", "long_running"] as const;
const METHODS = new Set(["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"]);

/** kubelet_http_*: every request, those refused included. */
export function createRequestMetrics(
  { clock }: { readonly clock: Pick<Clock, "monotonic"> },
  registry: Registry,
): ObserveRequest {
  const registers = [registry];
  const requests = new Counter({
    name: "kubelet_http_requests_total",
    help: "[ALPHA] Number of the http requests received since the server started",
    labelNames: LABELS,
    registers,
  });
  const durations = new Histogram({
    name: "kubelet_http_requests_duration_seconds",
    help: "[ALPHA] Duration in seconds to serve http requests",
    labelNames: LABELS,
    registers,
  });
  const inflight = new Gauge({
    name: "kubelet_http_inflight_requests",
    help: "[ALPHA] Number of the inflight http requests",
    labelNames: LABELS,
    registers,
  });
  return ({ method, bucket, longRunning, serverType }) => {
    const labels = {
      method: METHODS.has(method) ? method : "other",
      path: bucket,
      server_type: serverType,
      long_running: String(longRunning),
    };
    const begun = clock.monotonic();
    requests.inc(labels);
    inflight.inc(labels);
    return () => {
      inflight.dec(labels);
      durations.observe(labels, (clock.monotonic() - begun) / 1_000);
    };
  };
}
