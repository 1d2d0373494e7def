import { internalError, StatusError, unauthorized, unknownPath } from "../../api/status-error.ts";
import { ANONYMOUS } from "../../api/user.ts";
import type { User } from "../../api/user.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../../ports/http.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import { failureAnswer } from "../encoding/answer.ts";
import type { Annotate, Authenticator, RequestContext, RequestInfo } from "../extension.ts";
import type { Authorizer } from "../../core/authz/attributes.ts";
import { parseRequestInfo } from "../request-info.ts";
import { attributesOf, authorizeOrRefuse } from "./authorization.ts";
import { impersonated, withoutImpersonation } from "./impersonation.ts";
import type { InFlight } from "./in-flight.ts";
import type { ServerMetrics } from "./metrics.ts";
import type { ResourceRoutes } from "./resource-routes.ts";
import { createWarnings } from "./warnings.ts";

/** One request that was answered, for an audit log. */
export interface AuditedRequest {
  readonly id: string;
  readonly request: Pick<HttpRequest, "target" | "headers" | "peer">;
  readonly info: RequestInfo;
  readonly user: User;
  readonly impersonatedBy?: User;
  readonly code: number;
  /** Whether the answer has only begun: a watch, a log, a connection. */
  readonly isLongRunning: boolean;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** What admission found worth recording. */
  readonly annotations: ReadonlyMap<string, string>;
}

export interface HandlerDeps {
  readonly authenticate: Authenticator;
  readonly authorize: Authorizer;
  readonly resources: ResourceRoutes;
  /** Makes protobuf bodies readable as JSON. */
  readonly transcode: (request: HttpRequest) => HttpRequest;
  /** Answers non-resource paths; undefined when nothing is there. */
  readonly paths: (request: HttpRequest) => HttpResponse | undefined | Promise<HttpResponse | undefined>;
  readonly metrics: ServerMetrics;
  readonly inFlight: InFlight;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly audit?: (request: AuditedRequest) => void;
}

const LONG_RUNNING_SUBRESOURCES: ReadonlySet<string> = new Set(["attach", "exec", "log", "portforward", "proxy"]);

/** The way of every request: read its line, authenticate, impersonate, authorize, then the verb. Never throws. */
export function createHandler(deps: HandlerDeps): HttpHandler {
  return async (request) => {
    const started = deps.clock.monotonic();
    const receivedAt = deps.clock.now();
    const id = deps.random.uuid();
    let info: RequestInfo;
    try {
      info = parseRequestInfo(request);
    } catch (reason) {
      return finish(failureAnswer(reason), id, []);
    }
    const isLong = isLongRunning(info);
    const ended = deps.metrics.requestStarted(info, isLong);
    const warnings = createWarnings();
    const callers: Callers = {};
    const annotations = new Map<string, string>();
    const notes: Notes = { warn: warnings.add, annotate: (key, value) => annotations.set(key, value) };
    let response: HttpResponse;
    try {
      const work = (): Promise<HttpResponse> => answerRequest(deps, request, info, callers, notes);
      response = isLong ? await work() : await deps.inFlight.run(work);
    } catch (reason) {
      const failure = asStatus(reason, info, deps.log);
      if (failure.code === 429 || failure.code === 504) deps.metrics.requestTerminated(info, failure.code);
      response = failureAnswer(failure);
    }
    if (callers.user !== undefined) {
      const by = callers.impersonatedBy;
      const code = response.status;
      deps.audit?.({
        id,
        request,
        info,
        user: callers.user,
        ...(by !== undefined && { impersonatedBy: by }),
        code,
        isLongRunning: isLong,
        receivedAt,
        annotations,
      });
    }
    const seconds = (deps.clock.monotonic() - started) / 1_000;
    deps.metrics.requestEnded(info, response.status, seconds, request.query.has("dryRun"));
    return finish(whenEnded(response, ended), id, warnings.headers());
  };
}

/** Who was found to make a request, as far as that came. */
interface Callers {
  user?: User;
  impersonatedBy?: User;
}

/** What is said about a request beside its answer. */
interface Notes {
  /** To the client. */
  readonly warn: (text: string) => void;
  /** To the audit log. */
  readonly annotate: Annotate;
}

async function answerRequest(
  deps: HandlerDeps,
  request: HttpRequest,
  info: RequestInfo,
  callers: Callers,
  notes: Notes,
): Promise<HttpResponse> {
  const caller = (await deps.authenticate(request)) ?? ANONYMOUS;
  callers.user = caller;
  const user = await impersonated(request, caller, deps.authorize);
  if (user !== caller) {
    callers.user = user;
    callers.impersonatedBy = caller;
  }
  const cleaned = withoutImpersonation(request);
  const { warn, annotate } = notes;
  return authorizedAnswer(deps, { request: cleaned, info, user, signal: request.signal, annotate }, warn);
}

async function authorizedAnswer(
  { authorize, resources, paths, transcode }: HandlerDeps,
  context: RequestContext,
  warn: (text: string) => void,
): Promise<HttpResponse> {
  const { info, user, request, signal } = context;
  await authorizeOrRefuse(authorize, attributesOf(info, user, request.query), signal);
  if (info.type === "resource") {
    // What is passed on to somebody else is passed on as it is.
    return resources(isLongRunning(info) ? context : { ...context, request: transcode(request) }, warn);
  }
  const response = await paths(request);
  if (response === undefined) throw unknownPath();
  return response;
}

export function isLongRunning({ type, verb, subresource }: RequestInfo): boolean {
  if (type === "non-resource") return false;
  return verb === "watch" || verb === "proxy" || LONG_RUNNING_SUBRESOURCES.has(subresource);
}

/** What is thrown by mistake is logged, and told to nobody. */
function asStatus(reason: unknown, info: RequestInfo, log: Log): StatusError {
  if (reason instanceof StatusError) return reason;
  if (reason instanceof OrlopError && reason.code === "Unauthenticated") return unauthorized();
  log.error("a request failed unexpectedly", { verb: info.verb, path: info.path, error: reason });
  // A full disk is for the caller to know: only people can make room.
  if (reason instanceof OrlopError && reason.code === "ResourceExhausted") return internalError(reason);
  const unavailable = reason instanceof OrlopError && reason.code === "Unavailable";
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: unavailable
      ? "the server is currently unable to handle the request"
      : "This request caused apiserver to panic. Look in the logs for details.",
    reason: unavailable ? "ServiceUnavailable" : "InternalError",
    code: unavailable ? 503 : 500,
  });
}

/** Calls `ended` when the answer, its stream or its upgraded connection is over. */
function whenEnded(response: HttpResponse, ended: () => void): HttpResponse {
  if ("upgraded" in response) {
    return { ...response, done: response.done.finally(ended) };
  }
  const { body } = response;
  if (typeof body !== "function") {
    ended();
    return response;
  }
  return { ...response, body: (writer) => body(writer).finally(ended) };
}

function finish(response: HttpResponse, id: string, warnings: readonly string[]): HttpResponse {
  if ("upgraded" in response) return response;
  return {
    ...response,
    headers: {
      "Audit-Id": id,
      "Cache-Control": "no-cache, private",
      ...(warnings.length > 0 && { Warning: warnings }),
      ...response.headers,
    },
  };
}
