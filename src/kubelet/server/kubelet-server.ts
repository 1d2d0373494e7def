import { isConnectPath } from "../../core/authz/kubelet-request.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../../ports/http.ts";
import type { Log } from "../../ports/log.ts";
import { plainAnswer } from "../streaming/plain-answers.ts";
import type { AccessVerdict } from "../authorization/check-access.ts";
import { escapeHtml } from "./escape-html.ts";
import type { ObserveRequest } from "../metrics/request-metrics.ts";
import type { RequestTrail, Trail } from "../trail/trail.ts";
import { type CheckAccess, refusal } from "./access.ts";
import { type ActiveRoute, cleanedTarget, hidesSlash, matchRoute, type RouteMatch } from "./match-route.ts";
import { metricBucket } from "./metric-bucket.ts";
import { type HandlerSwitches, KUBELET_ROUTES, type RouteHandlers } from "./routes.ts";

/** What was decided about a request, for counters and the trail. */
export type ObserveAccess = (request: HttpRequest, verdict: AccessVerdict) => void;

export interface KubeletServerDeps {
  readonly handlers: RouteHandlers;
  /** Absent on the read-only port, where nobody is asked. */
  readonly checkAccess?: CheckAccess;
  readonly observeRequest: ObserveRequest;
  readonly observeAccess?: ObserveAccess;
  /** Absent: nothing is recorded. */
  readonly trail?: Trail;
  readonly clock: Clock;
  readonly log: Log;
}

const NOSNIFF = { "x-content-type-options": "nosniff" } as const;

export type KubeletServerOptions = Omit<HandlerSwitches, "authorized">;

/** The kubelet's API over one listener: route, authorise, dispatch. Never rejects. */
export function createKubeletServer(deps: KubeletServerDeps, options: KubeletServerOptions): HttpHandler {
  const authorized = deps.checkAccess !== undefined;
  const active = activeRoutes({ ...options, authorized });
  const serverType = authorized ? "readwrite" : "readonly";
  return async (request) => {
    const matched = matchRoute(active, request.method, request.path);
    const route = "route" in matched ? matched.route : undefined;
    const ended = deps.observeRequest({ method: request.method, ...metricBucket(request.path), serverType });
    const entry = deps.trail?.(request, {
      endpoint: route?.handler ?? "",
      parameters: "parameters" in matched ? matched.parameters : {},
    });
    try {
      const seen = entry === undefined ? request : withForm(request, entry);
      const response = await answer(deps, seen, matched, entry);
      return whenEnded(response, ended, entry);
    } catch (reason) {
      ended();
      entry?.ended(500);
      deps.log.error("a request handler failed", { path: request.path, reason: messageOf(reason) });
      return plainAnswer(500, `Internal Error: ${messageOf(reason)}`);
    }
  };
}

/** The routes that are there with these switches. */
export function activeRoutes(switches: HandlerSwitches): readonly ActiveRoute[] {
  return KUBELET_ROUTES.flatMap((route) => {
    const state = route.state(switches);
    return state === "absent" ? [] : [{ route, state }];
  });
}

async function answer(
  deps: KubeletServerDeps,
  request: HttpRequest,
  matched: RouteMatch,
  entry: RequestTrail | undefined,
): Promise<HttpResponse> {
  const elsewhere = cleanedTarget(request.target);
  if (elsewhere !== undefined) return redirect(request.method, elsewhere);
  if (matched.match === "unknown" || hidesSlash(request.target)) return notFoundBeforeAuthorization();
  if (matched.match === "redirect") return redirect(request.method, `${matched.path}${queryOf(request.target)}`);
  if (deps.checkAccess !== undefined) {
    const access = await deps.checkAccess(request);
    deps.observeAccess?.(request, access);
    entry?.decided(access);
    if (access.access !== "granted") return refusal(access);
  }
  if (request.upgrade !== undefined && !isConnectPath(request.path)) {
    return plainAnswer(400, `Upgrades are only possible on exec, attach and portForward, not on ${request.path}\n`);
  }
  return dispatch(deps.handlers, request, matched);
}

async function dispatch(
  handlers: RouteHandlers,
  request: HttpRequest,
  matched: Exclude<RouteMatch, { readonly match: "unknown" | "redirect" }>,
): Promise<HttpResponse> {
  switch (matched.match) {
    case "disabled":
      return plainAnswer(405, matched.text, NOSNIFF);
    case "not-found":
      return plainAnswer(404, "404: Page Not Found");
    case "wrong-method":
      return plainAnswer(405, "405: Method Not Allowed", { allow: matched.allow.join(", ") });
    case "route":
      if (matched.route.json && !acceptsJson(request.headers["accept"])) {
        return plainAnswer(406, "406: Not Acceptable\n\nAvailable representations: application/json");
      }
      return handlers[matched.route.handler](request, matched.parameters);
  }
}

function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === "") return true;
  const types = accept.split(",").map((part) => part.split(";")[0]?.trim().toLowerCase());
  return types.some((type) => type === "*/*" || type === "application/*" || type === "application/json");
}

function notFoundBeforeAuthorization(): HttpResponse {
  return plainAnswer(404, "404 page not found\n", NOSNIFF);
}

/** Keeps method and body. Only those who read get something to read, as from Go's redirects. */
function redirect(method: string, location: string): HttpResponse {
  if (method !== "GET" && method !== "HEAD") return { status: 307, headers: { location }, body: "" };
  const body = `<a href="${escapeHtml(location)}">Temporary Redirect</a>.\n\n`;
  return { status: 307, headers: { location, "content-type": "text/html; charset=utf-8" }, body };
}

function queryOf(target: string): string {
  const question = target.indexOf("?");
  return question < 0 ? "" : target.slice(question);
}

/** A command may come as a form in the body: what the handler reads is what the trail sees. */
function withForm(request: HttpRequest, entry: RequestTrail): HttpRequest {
  if (request.method !== "POST" || !isConnectPath(request.path)) return request;
  return {
    ...request,
    body: async (limitBytes) => {
      const bytes = await request.body(limitBytes);
      entry.form(new URLSearchParams(new TextDecoder().decode(bytes)));
      return bytes;
    },
  };
}

/** Counts a request as running until its last byte is written. */
function whenEnded(response: HttpResponse, counted: () => void, entry: RequestTrail | undefined): HttpResponse {
  const ended = (): void => {
    counted();
    entry?.ended(response.status);
  };
  if ("upgraded" in response) {
    entry?.started(response.status);
    response.done.then(ended, ended);
    return response;
  }
  const { body } = response;
  if (typeof body !== "function") {
    ended();
    return response;
  }
  entry?.started(response.status);
  return {
    ...response,
    body: async (writer) => {
      try {
        await body(writer);
      } finally {
        ended();
      }
    },
  };
}
