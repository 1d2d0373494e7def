import { unknownPath } from "../../api/status-error.ts";
import type { HttpRequest, HttpResponse } from "../../ports/http.ts";
import { textAnswer } from "../encoding/answer.ts";

/** One thing that must be so. Returns the problem, undefined when there is none. */
export interface HealthCheck {
  readonly name: string;
  readonly problem: () => string | undefined;
}

export interface HealthChecks {
  /** Whether the process works: restart it when not. */
  readonly live: readonly HealthCheck[];
  /** Checked in addition before traffic is sent here. */
  readonly ready: readonly HealthCheck[];
}

/**
 * Answers /healthz, /livez and /readyz: "ok", a list with ?verbose or when something fails (500), or one check at
 * /readyz/NAME. ?exclude=NAME leaves checks out.
 */
export function handleHealth(request: HttpRequest, checks: HealthChecks): HttpResponse {
  const [, endpoint = "", ...rest] = request.path.split("/");
  const all = endpoint === "livez" ? checks.live : [...checks.live, ...checks.ready];
  const name = rest.join("/").replace(/\/$/, "");
  if (name === "") return checkAll(endpoint, all, request.query);
  const check = all.find((each) => each.name === name);
  if (check === undefined) throw unknownPath();
  const problem = check.problem();
  return problem === undefined ? textAnswer(200, "ok") : textAnswer(500, `internal server error: ${problem}\n`);
}

function checkAll(endpoint: string, checks: readonly HealthCheck[], query: URLSearchParams): HttpResponse {
  const excluded = new Set(query.getAll("exclude"));
  const lines: string[] = [];
  let failed = false;
  for (const { name, problem } of checks) {
    if (excluded.has(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    const found = problem();
    failed ||= found !== undefined;
    // What is wrong is for the log: this page may be open to everybody.
    lines.push(found === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`);
  }
  const unknown = [...excluded].filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    lines.push(
      `warn: some health checks cannot be excluded: no matches for ${unknown.map((name) => JSON.stringify(name)).join(",")}`,
    );
  }
  if (failed) return textAnswer(500, `${lines.join("\n")}\n${endpoint} check failed\n`);
  return textAnswer(200, query.has("verbose") ? `${lines.join("\n")}\n${endpoint} check passed\n` : "ok");
}
