import { stringify } from "yaml";
import { GIT_VERSION } from "../../../api/version.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { HttpRequest, HttpResponse } from "../../../ports/http.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";
import type { RouteHandler } from "../routes.ts";

const WARNING =
  "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.";
const GROUP = "config.k8s.io";

type Representation =
  | { readonly as: "text" }
  | { readonly as: "json" | "yaml"; readonly version: "v1alpha1" | "v1beta1" };

/** Which form a client accepts; structured ones must name group, version and kind. undefined: none we have. */
export function negotiatePage(accept: string | undefined, kind: string): Representation | undefined {
  if (accept === undefined || accept.trim() === "") return { as: "text" };
  for (const range of accept.split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const given = new Map(parameters.map((text) => text.split("=", 2) as [string, string]));
    if (type === "*/*" || type === "text/*" || type === "text/plain") return { as: "text" };
    const version = given.get("v");
    const named =
      given.get("g") === GROUP && given.get("as") === kind && (version === "v1alpha1" || version === "v1beta1");
    if (!named) continue;
    if (type === "application/json") return { as: "json", version };
    if (type === "application/yaml") return { as: "yaml", version };
  }
  return undefined;
}

function answerPage(
  request: HttpRequest,
  kind: string,
  text: () => string,
  fields: () => Readonly<Record<string, unknown>>,
): HttpResponse {
  const representation = negotiatePage(request.headers["accept"], kind);
  if (representation === undefined) {
    return plainAnswer(
      406,
      `only the following media types are accepted: text/plain, application/json;g=${GROUP};v=v1beta1;as=${kind}, application/yaml;g=${GROUP};v=v1beta1;as=${kind}\n`,
    );
  }
  if (representation.as === "text") return plainAnswer(200, text(), { "x-content-type-options": "nosniff" });
  const { as, version } = representation;
  const object = { kind, apiVersion: `${GROUP}/${version}`, metadata: { name: "kubelet" }, ...fields() };
  const headers = {
    "content-type": `application/${as};g=${GROUP};v=${version};as=${kind}`,
    ...(version === "v1alpha1" && {
      warning: `299 - "${GROUP}/v1alpha1 ${kind} is deprecated, use ${GROUP}/v1beta1 ${kind}"`,
    }),
  };
  return { status: 200, headers, body: as === "json" ? JSON.stringify(object) : stringify(object) };
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

export function createStatuszHandler(deps: StatuszDeps): RouteHandler {
  return async (request) => {
    const uptimeSeconds = Math.max(0, Math.floor((deps.clock.now() - deps.startedAt) / 1_000));
    const rows: readonly (readonly [string, string])[] = [
      ["Started", new Date(deps.startedAt).toUTCString()],
      ["Up", uptimeText(uptimeSeconds)],
      ["Go version", deps.runtimeVersion],
      ["Binary version", GIT_VERSION],
      ["Emulation version", deps.emulatedVersion],
      ["Paths", deps.paths.join(" ")],
    ];
    const text = (): string =>
      `\nkubelet statusz\n${WARNING}\n\n${rows.map(([name, value]) => `${name}: ${value}\n`).join("")}`;
    return answerPage(request, "Statusz", text, () => ({
      startTime: new Date(deps.startedAt).toISOString().replace(/\.\d+Z$/, "Z"),
      uptimeSeconds,
      goVersion: deps.runtimeVersion,
      binaryVersion: GIT_VERSION,
      emulationVersion: deps.emulatedVersion,
      paths: deps.paths,
    }));
  };
}

function uptimeText(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${Math.floor(seconds / 3_600)} hr ${two(Math.floor((seconds % 3_600) / 60))} min ${two(seconds % 60)} sec`;
}

/** @param flags as the process was started with, defaults included; values of secrets must not be among them */
export function createFlagzHandler(flags: Readonly<Record<string, string>>): RouteHandler {
  const sorted = Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1));
  return async (request) => {
    const text = (): string =>
      `\nkubelet flagz\n${WARNING}\n\n${sorted.map(([name, value]) => `${name}=${value}\n`).join("")}`;
    return answerPage(request, "Flagz", text, () => ({ flags: Object.fromEntries(sorted) }));
  };
}
