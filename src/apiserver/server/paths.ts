import { methodNotAllowed } from "../../api/status-error.ts";
import type { FeatureGates } from "../../api/feature-gates.ts";
import type { HttpRequest, HttpResponse } from "../../ports/http.ts";
import { createDiscovery, versionDocument } from "../discovery/discovery.ts";
import type { DiscoveredResource } from "../discovery/resource-list.ts";
import { answer } from "../encoding/answer.ts";
import { negotiate } from "../encoding/negotiation.ts";
import { createOpenApi } from "../openapi/openapi.ts";
import type { RouteParts } from "./builtin-routes.ts";
import { handleHealth } from "./health.ts";
import type { HealthChecks } from "./health.ts";
import type { ServerMetrics } from "./metrics.ts";

export interface PathsDeps {
  readonly parts: RouteParts;
  readonly resources: readonly DiscoveredResource[];
  readonly gates: FeatureGates;
  readonly metrics: ServerMetrics;
  /** Further paths, asked last. */
  readonly others: (path: string) => Promise<HttpResponse | undefined>;
  readonly state: { readonly loaded: boolean; readonly ready: boolean; readonly stopping: boolean };
}

/** Answers what is no resource: discovery, OpenAPI, version, health, metrics; undefined for other paths. */
export function createPaths(
  { parts, resources, gates, metrics, others, state }: PathsDeps,
  options: { readonly serverAddress: string; readonly platform: string },
): (request: HttpRequest) => Promise<HttpResponse | undefined> {
  const discovery = createDiscovery(resources, options);
  const openApi = createOpenApi(parts);
  const health: HealthChecks = {
    live: [
      { name: "ping", problem: () => undefined },
      { name: "log", problem: () => undefined },
      { name: "storage", problem: () => (state.loaded ? undefined : "the store is not loaded yet") },
    ],
    ready: [
      {
        name: "poststarthook/bootstrap-objects",
        problem: () => (state.ready ? undefined : "the objects every cluster has are not there yet"),
      },
      { name: "shutdown", problem: () => (state.stopping ? "process is shutting down" : undefined) },
    ],
  };
  const groupVersions = new Set(
    resources.flatMap(({ group, version }) =>
      group === "" ? ["/api", `/api/${version}`] : ["/apis", `/apis/${group}`, `/apis/${group}/${version}`],
    ),
  );
  const healthPaths = ["healthz", "livez", "readyz"].flatMap((endpoint) => [
    `/${endpoint}`,
    ...[...health.live, ...(endpoint === "livez" ? [] : health.ready)].map(({ name }) => `/${endpoint}/${name}`),
  ]);
  const index = [...groupVersions, ...healthPaths, "/metrics", "/openapi/v3", "/version"].sort();

  return async (request) => {
    const path = request.path.length > 1 ? request.path.replace(/\/$/, "") : request.path;
    const [root = ""] = path.split("/").slice(1);
    const reads = request.method === "GET" || request.method === "HEAD";
    switch (root) {
      case "healthz":
      case "livez":
      case "readyz":
        return reads ? handleHealth(request, health) : refuse();
      case "version":
        if (path !== "/version") return undefined;
        return reads ? show(request, versionDocument(gates.emulatedVersion, options.platform)) : refuse();
      case "metrics":
        if (path !== "/metrics") return undefined;
        return reads ? showMetrics(metrics) : refuse();
      case "":
        return reads ? show(request, { paths: index }) : refuse();
      default: {
        const found = discovery(request) ?? openApi(request) ?? (await others(path));
        return found !== undefined && !reads ? refuse() : found;
      }
    }
  };
}

function show(request: HttpRequest, document: unknown): HttpResponse {
  return answer(200, document, negotiate(request, { transforms: [], stream: false }));
}

async function showMetrics({ registry }: ServerMetrics): Promise<HttpResponse> {
  return { status: 200, headers: { "Content-Type": registry.contentType }, body: await registry.metrics() };
}

function refuse(): never {
  throw methodNotAllowed();
}
