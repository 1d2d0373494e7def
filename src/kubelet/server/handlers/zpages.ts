import { stringify } from "yaml";
import { notAcceptable } from "../../../api/status-error.ts";
import { GIT_VERSION } from "../../../api/version.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { HttpRequest, HttpResponse } from "../../../ports/http.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";
import type { RouteHandler } from "../routes.ts";
import { negotiatePage, PAGE_GROUP } from "./negotiate-page.ts";

const WARNING =
  "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.";

interface Page {
  readonly kind: "Flagz" | "Statusz";
  /** Lines after the heading, without the last newline. */
  readonly text: () => readonly string[];
  readonly fields: () => Readonly<Record<string, unknown>>;
}

function answerPage(request: HttpRequest, { kind, text, fields }: Page): HttpResponse {
  const name = kind.toLowerCase();
  const form = negotiatePage(request.headers["accept"], kind);
  if (form === undefined) {
    const accepted = "application/json, application/yaml, text/plain";
    const { status } = notAcceptable(`only the following media types are accepted: ${accepted}`);
    return { status: 406, headers: { "content-type": "application/json" }, body: JSON.stringify(status) };
  }
  if (form.as === "text") {
    return plainAnswer(200, ["", `kubelet ${name}`, WARNING, ...text(), ""].join("\n"));
  }
  const object = { kind, apiVersion: `${PAGE_GROUP}/${form.version}`, metadata: { name: "kubelet" }, ...fields() };
  const headers = {
    "content-type": `application/${form.as};g=${PAGE_GROUP};v=${form.version};as=${kind}`,
    ...(form.version === "v1alpha1" && {
      warning: `299 - "This version of the ${name} endpoint is deprecated. Please use a newer version."`,
    }),
  };
  return { status: 200, headers, body: form.as === "json" ? `${JSON.stringify(object)}\n` : stringify(object) };
}

export interface StatuszDeps {
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly runtimeVersion: string;
  /** e.g. "1.36" */
  readonly emulatedVersion: string;
  readonly paths: readonly string[];
}

/** /statusz: since when which version runs, and where else to look. */
export function createStatuszHandler(deps: StatuszDeps): RouteHandler {
  const { startedAt, runtimeVersion: goVersion, emulatedVersion: emulationVersion, paths } = deps;
  const binaryVersion = GIT_VERSION.replace(/^v/, "");
  const uptime = (): number => Math.max(0, Math.floor((deps.clock.now() - startedAt) / 1_000));
  return async (request) =>
    answerPage(request, {
      kind: "Statusz",
      text: () => [
        "",
        `Started: ${unixDate(startedAt)}`,
        `Up: ${uptimeText(uptime())}`,
        `Go version: ${goVersion}`,
        `Binary version: ${binaryVersion}`,
        `Emulation version: ${emulationVersion}`,
        `Paths: ${paths.join(" ")}`,
      ],
      fields: () => ({
        startTime: new Date(startedAt).toISOString().replace(/\.\d+Z$/, "Z"),
        uptimeSeconds: uptime(),
        goVersion,
        binaryVersion,
        emulationVersion,
        paths,
      }),
    });
}

/** As `date` writes it, e.g. "Thu Jan  1 00:00:00 UTC 1970". */
function unixDate(at: number): string {
  const [weekday = "", day = "", month = "", year = "", time = ""] = new Date(at).toUTCString().split(/,? /);
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} UTC ${year}`;
}

function uptimeText(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${Math.floor(seconds / 3_600)} hr ${two(Math.floor((seconds % 3_600) / 60))} min ${two(seconds % 60)} sec`;
}

/** /flagz. @param flags as the process was started with, defaults included; values of secrets must not be among them */
export function createFlagzHandler(flags: Readonly<Record<string, string>>): RouteHandler {
  const sorted = Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1));
  return async (request) =>
    answerPage(request, {
      kind: "Flagz",
      text: () => sorted.map(([name, value]) => `${name}=${value}`),
      fields: () => ({ flags: Object.fromEntries(sorted) }),
    });
}
