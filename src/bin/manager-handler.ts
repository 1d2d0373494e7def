import type { User } from "../api/user.ts";
import type { KubeletAuthentication } from "../kubelet/authentication/authenticator.ts";
import { messageOf } from "../lib/orlop-error.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../ports/http.ts";
import type { Log } from "../ports/log.ts";
import type { ReviewPath } from "./path-access-reviews.ts";

export interface ManagerHandlerDeps {
  readonly authenticate: (request: HttpRequest) => Promise<KubeletAuthentication>;
  readonly reviewPath: ReviewPath;
  /** Why it is not ready; undefined when it is. Waiting to lead counts as ready. */
  readonly notReady: () => string | undefined;
  /** Prometheus text in chunks. */
  readonly metrics: () => Iterable<string>;
  /** The report as it is now, JSON in chunks; undefined while this process does not look for conflicts. */
  readonly conflicts: (namespace: string | undefined) => Iterable<string> | undefined;
  readonly log: Log;
}

const TEXT = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" } as const;
const METRICS = { "content-type": "text/plain; version=0.0.4; charset=utf-8" } as const;
const JSON_HEADERS = { "content-type": "application/json" } as const;
const CHECKS = new Set(["/healthz", "/livez", "/readyz"]);

/**
 * Health for everybody (as kube-controller-manager's --authorization-always-allow-paths), all else for those whom the API
 * server knows and lets: /metrics and /selinux/conflicts as nonResourceURLs with the verb get.
 */
export function createManagerHandler(deps: ManagerHandlerDeps): HttpHandler {
  const { log } = deps;
  return async (request) => {
    const { path, method } = request;
    if (CHECKS.has(path)) {
      const problem = path === "/readyz" ? deps.notReady() : undefined;
      return problem === undefined ? text(200, "ok") : text(503, `not ready: ${problem}\n`);
    }
    const who = await deps.authenticate(request);
    if (who.type === "refused") {
      if (who.problems.length > 0) log.info("Unable to authenticate the request", { problems: who.problems });
      return status(401, "Unauthorized", "Unauthorized");
    }
    const verb = method === "HEAD" ? "get" : method.toLowerCase();
    try {
      if (!(await deps.reviewPath(who.user, verb, path, request.signal))) return forbidden(who.user, verb, path);
    } catch (reason) {
      log.error("Authorization error", { user: who.user.name, verb, path, reason: messageOf(reason) });
      return status(500, "InternalError", "the access review failed; see the log of the controller manager");
    }
    if (method !== "GET" && method !== "HEAD") return status(405, "MethodNotAllowed", `${path} can only be read`);
    if (path === "/metrics") return stream(METRICS, deps.metrics());
    if (path === "/selinux/conflicts") {
      const report = deps.conflicts(request.query.get("namespace") ?? undefined);
      return report === undefined
        ? status(
            503,
            "ServiceUnavailable",
            "the SELinux warning controller does not run here: another replica may lead",
          )
        : stream(JSON_HEADERS, report);
    }
    return status(
      404,
      "NotFound",
      `there is nothing at ${path}; known are /healthz, /readyz, /metrics, /selinux/conflicts`,
    );
  };
}

function stream(headers: Readonly<Record<string, string>>, chunks: Iterable<string>): HttpResponse {
  return {
    status: 200,
    headers,
    body: async (writer) => {
      for (const chunk of chunks) await writer.write(chunk);
    },
  };
}

function text(code: number, body: string): HttpResponse {
  return { status: code, headers: TEXT, body };
}

function forbidden({ name }: User, verb: string, path: string): HttpResponse {
  return status(403, "Forbidden", `forbidden: User "${name}" cannot ${verb} path "${path}"`);
}

function status(code: number, reason: string, message: string): HttpResponse {
  const body = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code };
  return { status: code, headers: JSON_HEADERS, body: `${JSON.stringify(body)}\n` };
}
