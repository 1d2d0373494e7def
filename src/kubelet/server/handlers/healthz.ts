import { messageOf } from "../../../lib/orlop-error.ts";
import type { RouteHandler } from "../routes.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";

/** One health check; it throws when something is wrong. */
export interface HealthCheck {
  readonly name: string;
  readonly check: () => Promise<void> | void;
}

export interface HealthHandlerDeps {
  /** In the order they are shown; each is also at /healthz/<name>. */
  readonly checks: readonly HealthCheck[];
  readonly observe: (name: string, healthy: boolean) => void;
}

const NOSNIFF = { "x-content-type-options": "nosniff" } as const;

/** /healthz runs all checks, /healthz/<name> one of them. */
export function createHealthHandler(deps: HealthHandlerDeps): RouteHandler {
  return async (request) => {
    const name = request.path.slice("/healthz".length).replace(/^\//, "");
    if (name !== "") return oneCheck(deps, name);
    const excluded = new Set(request.query.getAll("exclude").filter((each) => each !== ""));
    const lines: string[] = [];
    let failed = false;
    for (const check of deps.checks) {
      if (excluded.delete(check.name)) {
        lines.push(`[+]${check.name} excluded: ok\n`);
        continue;
      }
      const healthy = (await problemOf(deps, check)) === undefined;
      failed ||= !healthy;
      lines.push(healthy ? `[+]${check.name} ok\n` : `[-]${check.name} failed: reason withheld\n`);
    }
    if (excluded.size > 0) {
      const names = [...excluded].map((each) => JSON.stringify(each)).join(", ");
      lines.push(`warn: some health checks cannot be excluded: no matches for ${names}\n`);
    }
    if (failed) return plainAnswer(500, `${lines.join("")}healthz check failed\n`, NOSNIFF);
    if (!request.query.has("verbose")) return plainAnswer(200, "ok", NOSNIFF);
    return plainAnswer(200, `${lines.join("")}healthz check passed\n`, NOSNIFF);
  };
}

async function oneCheck(deps: HealthHandlerDeps, name: string) {
  const check = deps.checks.find((each) => each.name === name);
  if (check === undefined) return plainAnswer(404, "404 page not found\n", NOSNIFF);
  const problem = await problemOf(deps, check);
  if (problem === undefined) return plainAnswer(200, "ok", NOSNIFF);
  return plainAnswer(500, `internal server error: ${problem}\n`, NOSNIFF);
}

async function problemOf(deps: HealthHandlerDeps, { name, check }: HealthCheck): Promise<string | undefined> {
  try {
    await check();
    deps.observe(name, true);
    return undefined;
  } catch (reason) {
    deps.observe(name, false);
    return messageOf(reason);
  }
}
