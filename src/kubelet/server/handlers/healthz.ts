import { messageOf } from "../../../lib/orlop-error.ts";
import type { Log } from "../../../ports/log.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";
import type { RouteHandler } from "../routes.ts";

/** One health check; it throws when something is wrong. */
export interface HealthCheck {
  readonly name: string;
  readonly check: () => Promise<void> | void;
}

export interface HealthHandlerDeps {
  /** In the order they are shown; each is also at /healthz/<name>. */
  readonly checks: readonly HealthCheck[];
  /** Results of runs of all checks; asking for one of them is not counted, as upstream. */
  readonly observe: (name: string, healthy: boolean) => void;
  readonly log: Pick<Log, "info">;
}

const NOSNIFF = { "x-content-type-options": "nosniff" } as const;

/** /healthz runs all checks, /healthz/<name> one of them. */
export function createHealthHandler(deps: HealthHandlerDeps): RouteHandler {
  return async (request) => {
    const name = request.path.slice("/healthz".length).replace(/^\//, "");
    if (name !== "") return oneCheck(deps, name);
    const excluded = new Set(request.query.getAll("exclude"));
    const lines: string[] = [];
    const problems: Record<string, string> = {};
    for (const check of deps.checks) {
      if (excluded.delete(check.name)) {
        lines.push(`[+]${check.name} excluded: ok\n`);
        continue;
      }
      const problem = await problemOf(check);
      deps.observe(check.name, problem === undefined);
      if (problem !== undefined) problems[check.name] = problem;
      lines.push(problem === undefined ? `[+]${check.name} ok\n` : `[-]${check.name} failed: reason withheld\n`);
    }
    if (excluded.size > 0) {
      const names = [...excluded].sort().map((each) => JSON.stringify(each));
      lines.push(`warn: some health checks cannot be excluded: no matches for ${names.join(",")}\n`);
    }
    if (Object.keys(problems).length > 0) {
      deps.log.info("healthz check failed", { problems });
      return plainAnswer(500, `${lines.join("")}healthz check failed\n`, NOSNIFF);
    }
    if (!request.query.has("verbose")) return plainAnswer(200, "ok", NOSNIFF);
    return plainAnswer(200, `${lines.join("")}healthz check passed\n`, NOSNIFF);
  };
}

async function oneCheck({ checks }: HealthHandlerDeps, name: string) {
  const check = checks.find((each) => each.name === name);
  if (check === undefined) return plainAnswer(404, "404 page not found\n", NOSNIFF);
  const problem = await problemOf(check);
  if (problem === undefined) return plainAnswer(200, "ok", NOSNIFF);
  return plainAnswer(500, `internal server error: ${problem}\n`, NOSNIFF);
}

async function problemOf({ check }: HealthCheck): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (reason) {
    return messageOf(reason);
  }
}
