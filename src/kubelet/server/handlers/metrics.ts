import type { Registry } from "prom-client";
import { formatFamilies, type MetricFamily, PROMETHEUS_TEXT } from "../../metrics/exposition.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";
import type { RouteHandler } from "../routes.ts";

/** A registry's metrics in Prometheus' text format. */
export function createRegistryHandler(registry: Registry): RouteHandler {
  return async () => ({ status: 200, headers: { "content-type": PROMETHEUS_TEXT }, body: await registry.metrics() });
}

/** The same, and DELETE starts them anew. */
export function createResettableHandler(registry: Registry, reset: () => void): RouteHandler {
  const read = createRegistryHandler(registry);
  return async (request, parameters) => {
    if (request.method !== "DELETE") return read(request, parameters);
    reset();
    return plainAnswer(200, "metrics reset\n");
  };
}

/** Families collected at the moment of the scrape. */
export function createFamiliesHandler(
  collect: (signal: AbortSignal) => Promise<readonly MetricFamily[]>,
): RouteHandler {
  return async (request) => ({
    status: 200,
    headers: { "content-type": PROMETHEUS_TEXT },
    body: formatFamilies(await collect(request.signal)),
  });
}
