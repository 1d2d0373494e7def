import type { Registry as MetricsRegistry } from "prom-client";
import type { User } from "../api/user.ts";
import type { Clock } from "../ports/clock.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import type { HttpHandler, HttpRequest } from "../ports/http.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { Store } from "../ports/store.ts";
import { messageOf } from "../lib/orlop-error.ts";
import type { Unit } from "../machinery/unit.ts";
import { createAdmission } from "./admission/admission.ts";
import { makeClusterObjects } from "./bootstrap/make-cluster-objects.ts";
import type { KubernetesService } from "./bootstrap/cluster-objects.ts";
import { discoveredResources } from "./discovery/resource-list.ts";
import { StatusError } from "../api/status-error.ts";
import { failureAnswer } from "./encoding/answer.ts";
import { createBodyTranscoder } from "./encoding/protobuf/transcode-body.ts";
import type { ApiServerParts, Objects } from "./extension.ts";
import { createInProcessTransport } from "./in-process-transport.ts";
import { createServerObjects } from "./objects.ts";
import { createRegistry } from "./resources/registry.ts";
import { removeExpiredObjects } from "./resources/expired-objects.ts";
import type { RestDeps } from "./rest/request-scope.ts";
import { builtinRoutes, protobufKinds } from "./server/builtin-routes.ts";
import { createHandler } from "./server/handler.ts";
import type { AuditedRequest } from "./server/handler.ts";
import { createInFlight } from "./server/in-flight.ts";
import { createServerMetrics } from "./server/metrics.ts";
import { createPaths } from "./server/paths.ts";
import { createResourceRoutes } from "./server/resource-routes.ts";
import type { HistoryLimits } from "./storage/history.ts";
import { createStorage } from "./storage/storage.ts";

export interface ApiServerDeps {
  /** Opened by the caller, who also closes it after the unit has ended. */
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where metrics go that are shown at /metrics. @default a registry of its own */
  readonly metrics?: MetricsRegistry;
  /** Told about every request that was let through or refused after authentication. */
  readonly audit?: (request: AuditedRequest) => void;
}

export interface ApiServerOptions {
  /** ClusterIP and port of the `kubernetes` service in `default`, and where it leads. Absent: no such service is made. */
  readonly kubernetesService?: KubernetesService;
  /** Requests worked on at the same time, watches and upgraded connections not counted; more get 429. @default 600 */
  readonly maxRequestsInFlight?: number;
  /** A request (not a watch) that takes longer is answered 504. @default 60_000 */
  readonly requestTimeoutMs?: number;
  /** Shortest life of a watch without timeoutSeconds; its real life is up to twice as long. @default 1_800_000 */
  readonly minWatchMs?: number;
  /** How far back watches and lists can reach, per kind. @default 10,000 changes, 32 MiB, 10 minutes */
  readonly history?: Partial<HistoryLimits>;
  /** For /version. @default "linux/amd64" */
  readonly platform?: string;
}

export interface ApiServer {
  /** Answers every request; never throws. 503 until the unit is ready. */
  readonly handler: HttpHandler;
  /** The objects for code inside the server. Usable once the unit is ready. */
  readonly objects: Objects;
  /** Loads the store, makes the objects every cluster has, ends watches when stopped. */
  readonly unit: Unit;
  /**
   * A transport into this server without sockets or credentials: requests are made as `user` (still authorised).
   * For controllers in the same process and for tests.
   */
  connect(user: User): ClusterTransport;
}

const SWEEP_INTERVAL_MS = 1_000;
const EXPIRE_INTERVAL_MS = 60_000;

/**
 * The embedded API server. Constructing it touches nothing; run its unit, then give `handler` to a listener.
 *
 * @param makeParts makes them from the server's own objects, so that authorizers and plugins can index these. Observers
 *   registered there are told about all stored objects when the unit loads them
 */
export function createApiServer(
  deps: ApiServerDeps,
  makeParts: (objects: Objects) => ApiServerParts,
  options: ApiServerOptions = {},
): ApiServer {
  const { clock, random, log } = deps;
  const storage = createStorage(deps, options.history === undefined ? {} : { history: options.history });
  const objects = createServerObjects(storage);
  const parts = makeParts(objects);
  const { kinds, gates } = parts;
  const registry = createRegistry({ storage, clock, random, gates });
  objects.attach(registry, kinds);
  const admission = createAdmission(parts.admission, objects);
  const inFlight = createInFlight(clock, {
    maxRequests: options.maxRequestsInFlight ?? 600,
    timeoutMs: options.requestTimeoutMs ?? 60_000,
  });
  const state = { loaded: false, ready: false, stopping: false };

  const rest: RestDeps = {
    storage,
    registry,
    admission,
    gates,
    clock,
    random,
    log,
    watchStarted: ({ group, version, kind }) => metrics.watchStarted(group, version, kind),
    minWatchMs: options.minWatchMs ?? 1_800_000,
  };
  const routes = builtinRoutes(rest, parts);
  const resources = discoveredResources(routes.discovered);
  const served = new Set(resources.map(({ group, version, resource }) => `${group}/${version}/${resource}`));
  const metrics = createServerMetrics(
    { storage, gates, isServed: ({ group, version, resource }) => served.has(`${group}/${version}/${resource}`) },
    deps.metrics,
  );
  const attested = new WeakMap<HttpRequest, User>();
  const [endpoint] = options.kubernetesService?.endpoints ?? [];
  const handle = createHandler({
    authenticate: async (request) => attested.get(request) ?? parts.authenticate(request),
    authorize: parts.authorize,
    resources: createResourceRoutes(rest, routes),
    transcode: createBodyTranscoder(protobufKinds(routes)),
    paths: createPaths(
      { parts: routes, resources, gates, metrics, others: parts.paths ?? nothingThere, state },
      {
        serverAddress: endpoint === undefined ? "" : `${endpoint.address}:${endpoint.port}`,
        platform: options.platform ?? "linux/amd64",
      },
    ),
    metrics,
    inFlight,
    clock,
    random,
    log,
    ...(deps.audit !== undefined && { audit: deps.audit }),
  });
  const handler: HttpHandler = (request) =>
    state.loaded ? handle(request) : Promise.resolve(failureAnswer(notLoaded()));

  const every = async (milliseconds: number, signal: AbortSignal, work: () => Promise<void> | void): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(milliseconds, signal).catch(() => undefined);
      if (!signal.aborted) await work();
    }
  };

  return {
    handler,
    objects,
    unit: {
      name: "api-server",
      async run(signal, ready) {
        storage.load();
        state.loaded = true;
        await makeClusterObjects(objects, objects.serves, options.kubernetesService);
        const makeMissingObjects = (): Promise<void> =>
          makeClusterObjects(objects, objects.serves, options.kubernetesService).catch((reason: unknown) =>
            log.warn("objects every cluster has could not be made; trying again later", { error: messageOf(reason) }),
          );
        state.ready = true;
        log.info("API server is ready", { revision: storage.revision() });
        ready();
        await Promise.all([
          every(SWEEP_INTERVAL_MS, signal, inFlight.sweep),
          every(EXPIRE_INTERVAL_MS, signal, async () => {
            storage.expire();
            await makeMissingObjects();
            await removeExpiredObjects({ storage, kinds, clock, log });
          }),
        ]);
        state.stopping = true;
        storage.close();
      },
    },
    connect: (user) => createInProcessTransport(handler, (request) => attested.set(request, user)),
  };
}

const nothingThere = (): Promise<undefined> => Promise.resolve(undefined);

function notLoaded(): StatusError {
  return new StatusError(
    {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: "apiserver not ready",
      reason: "ServiceUnavailable",
      code: 503,
    },
    { headers: { "Retry-After": "1" } },
  );
}
