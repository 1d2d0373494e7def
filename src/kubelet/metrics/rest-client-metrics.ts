import { Counter, Histogram, type Registry } from "prom-client";
import type { SentRequest } from "../../machinery/observed-transport.ts";

const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** Counts requests to the API server, under client-go's names. @param host e.g. "10.0.0.7:6443" */
export function createRestClientMetrics(registry: Registry, host: string): (request: SentRequest) => void {
  const registers = [registry];
  const requests = new Counter({
    name: "rest_client_requests_total",
    help: "[ALPHA] Number of HTTP requests, partitioned by status code, method, and host.",
    labelNames: ["code", "host", "method"] as const,
    registers,
  });
  const duration = new Histogram({
    name: "rest_client_request_duration_seconds",
    help: "[ALPHA] Request latency in seconds. Broken down by verb, and host.",
    labelNames: ["host", "verb"] as const,
    buckets: SECONDS,
    registers,
  });
  return ({ method, code, seconds }) => {
    requests.inc({ code, host, method });
    duration.observe({ host, verb: method }, seconds);
  };
}
