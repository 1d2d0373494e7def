import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { FeatureGates } from "../../api/feature-gates.ts";
import type { RequestInfo } from "../extension.ts";
import type { Storage } from "../storage/storage.ts";

/** What the server counts, under the names kube-apiserver uses. */
export interface ServerMetrics {
  readonly registry: Registry;
  requestStarted(info: RequestInfo, longRunning: boolean): () => void;
  requestEnded(info: RequestInfo, code: number, seconds: number, dryRun: boolean): void;
  requestTerminated(info: RequestInfo, code: number): void;
  watchStarted(group: string, version: string, kind: string): () => void;
}

const DURATION_BUCKETS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30, 45, 60];
const KNOWN_VERBS: ReadonlySet<string> = new Set([
  "get",
  "list",
  "watch",
  "create",
  "update",
  "patch",
  "delete",
  "deletecollection",
]);

export function createServerMetrics(
  {
    storage,
    gates,
    isServed,
  }: {
    readonly storage: Storage;
    readonly gates: FeatureGates;
    /** Whether a request leads to a resource of this server. */
    readonly isServed: (info: RequestInfo) => boolean;
  },
  registry: Registry = new Registry(),
): ServerMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: "apiserver_request_total",
    help: "Requests by verb, resource and answer code.",
    labelNames: ["verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component", "code"],
    registers,
  });
  const durations = new Histogram({
    name: "apiserver_request_duration_seconds",
    help: "Time until a request was answered, in seconds.",
    labelNames: ["verb", "group", "version", "resource", "subresource", "scope", "component"],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const terminations = new Counter({
    name: "apiserver_request_terminations_total",
    help: "Requests the server gave up on or refused to protect itself.",
    labelNames: ["verb", "group", "version", "resource", "subresource", "scope", "component", "code"],
    registers,
  });
  const inFlight = new Gauge({
    name: "apiserver_current_inflight_requests",
    help: "Requests being worked on, long-running ones not counted.",
    labelNames: ["request_kind"],
    registers,
  });
  const longRunning = new Gauge({
    name: "apiserver_longrunning_requests",
    help: "Watches, logs, exec sessions and the like that are open.",
    labelNames: ["verb", "group", "version", "resource", "subresource", "scope", "component"],
    registers,
  });
  const watchers = new Gauge({
    name: "apiserver_registered_watchers",
    help: "Open watches by kind.",
    labelNames: ["group", "version", "kind"],
    registers,
  });
  void new Gauge({
    name: "apiserver_resource_objects",
    help: "Stored objects by kind.",
    labelNames: ["resource"],
    registers,
    collect() {
      for (const { name, size } of storage.collections()) this.set({ resource: name }, size);
    },
  });
  void new Gauge({
    name: "apiserver_resource_size_estimate_bytes",
    help: "Bytes of stored objects by kind.",
    labelNames: ["resource"],
    registers,
    collect() {
      for (const { name, bytes } of storage.collections()) this.set({ resource: name }, bytes);
    },
  });
  // A registry shared with another component may have it already.
  if (registry.getSingleMetric("kubernetes_feature_enabled") === undefined) {
    const features = new Gauge({
      name: "kubernetes_feature_enabled",
      help: "Whether a feature gate is on.",
      labelNames: ["name", "stage"],
      registers,
    });
    for (const { name, stage, enabled } of gates.all) {
      features.set({ name, stage }, enabled ? 1 : 0);
    }
  }

  const labelsOf = (info: RequestInfo): Record<string, string> => labelsFor(info, isServed(info));
  return {
    registry,
    requestStarted(info, isLong) {
      if (isLong) {
        const labels = labelsOf(info);
        longRunning.inc(labels);
        return () => longRunning.dec(labels);
      }
      const labels = { request_kind: isMutating(info.verb) ? "mutating" : "readOnly" };
      inFlight.inc(labels);
      return () => inFlight.dec(labels);
    },
    requestEnded(info, code, seconds, dryRun) {
      const labels = labelsOf(info);
      requests.inc({ ...labels, dry_run: dryRun ? "All" : "", code });
      durations.observe(labels, seconds);
    },
    requestTerminated: (info, code) => terminations.inc({ ...labelsOf(info), code }),
    watchStarted(group, version, kind) {
      const labels = { group, version, kind };
      watchers.inc(labels);
      return () => watchers.dec(labels);
    },
  };
}

function isMutating(verb: string): boolean {
  return verb !== "get" && verb !== "list" && verb !== "watch";
}

/** Label values come from a closed set: what clients send must not make new series. */
function labelsFor(info: RequestInfo, isServed: boolean): Record<string, string> {
  if (info.type === "resource" && !isServed) return { verb: "OTHER", component: "apiserver" };
  const { verb, group, version, resource, subresource, namespace, name, type } = info;
  const scope = type === "non-resource" ? "" : name !== "" ? "resource" : namespace !== "" ? "namespace" : "cluster";
  return {
    verb: (KNOWN_VERBS.has(verb) ? verb : "other").toUpperCase(),
    group,
    version,
    resource,
    subresource: type === "non-resource" ? rootOf(info.path) : subresource,
    scope,
    component: "apiserver",
  };
}

const ROOTS: ReadonlySet<string> = new Set([
  "/api",
  "/apis",
  "/version",
  "/healthz",
  "/livez",
  "/readyz",
  "/metrics",
  "/openapi",
]);

function rootOf(path: string): string {
  const root = `/${path.split("/")[1] ?? ""}`;
  return ROOTS.has(root) ? root : "/";
}
