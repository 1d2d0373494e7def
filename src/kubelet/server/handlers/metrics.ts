import type { Registry } from "prom-client";
import { formatFamilies, type MetricFamily, PROMETHEUS_TEXT } from "../../metrics/exposition.ts";
import type { HttpRequest, HttpResponse } from "../../../ports/http.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";
import type { RouteHandler } from "../routes.ts";
import { gzipBody } from "./gzip-body.ts";

/** A registry's metrics in Prometheus' text format. */
export function createRegistryHandler(registry: Registry): RouteHandler {
  return async (request) => metricsAnswer(request, await registry.metrics());
}

/** Compressed for those who take it, as all Prometheus servers do. */
function metricsAnswer({ headers }: HttpRequest, text: string): HttpResponse {
  const plain = { "content-type": PROMETHEUS_TEXT };
  const takesGzip = (headers["accept-encoding"] ?? "").split(",").some((part) => /^\s*gzip\s*(;|$)/.test(part));
  if (!takesGzip) return { status: 200, headers: plain, body: text };
  return {
    status: 200,
    headers: { ...plain, "content-encoding": "gzip" },
    body: gzipBody((writer) => writer.write(text)),
  };
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
  return async (request) => metricsAnswer(request, formatFamilies(await collect(request.signal)));
}
