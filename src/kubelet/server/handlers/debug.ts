import { messageOf, OrlopError } from "../../../lib/orlop-error.ts";
import type { Profiler } from "../../../ports/host-process.ts";
import type { HttpResponse } from "../../../ports/http.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";
import type { RouteHandler } from "../routes.ts";

const VERBOSITY_BODY_LIMIT = 64;
const LARGEST_VERBOSITY = 2 ** 31 - 1;
const NOSNIFF = { "x-content-type-options": "nosniff" } as const;

/** /debug/flags/v: PUT a number to make the log say more or less. */
export function createDebugFlagsHandler(setVerbosity: (level: number) => void): RouteHandler {
  const line = (status: number, text: string): HttpResponse => ({
    status,
    headers: { "content-type": "text/plain", ...NOSNIFF },
    body: `${text}\n`,
  });
  return async (request) => {
    if (request.method !== "PUT") return line(406, "unsupported http method");
    let text: string;
    try {
      text = new TextDecoder().decode(await request.body(VERBOSITY_BODY_LIMIT)).trim();
    } catch (reason) {
      return line(400, `error reading request body: ${messageOf(reason)}`);
    }
    const problem = !/^\d+$/.test(text)
      ? "invalid syntax"
      : Number(text) > LARGEST_VERBOSITY
        ? "value out of range"
        : "";
    if (problem !== "") return line(400, `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${problem}`);
    setVerbosity(Number(text));
    return line(200, `successfully set klog.logging.verbosity to ${text}`);
  };
}

/** As Go's for the CPU. Memory is sampled from the moment of the request on, there is nothing older to show. */
const CPU_SECONDS = 30;
const HEAP_SECONDS = 5;
const LONGEST_SECONDS = 600;

const PROFILES: readonly (readonly [name: string, about: string])[] = [
  ["allocs", `All allocations over ?seconds, ${HEAP_SECONDS} by default (V8 .heapprofile)`],
  ["cmdline", "The command line of this process"],
  ["heap", `Allocations over ?seconds, ${HEAP_SECONDS} by default, that are still in use (V8 .heapprofile)`],
  ["profile", `CPU time over ?seconds, ${CPU_SECONDS} by default (V8 .cpuprofile)`],
];

export interface PprofDeps {
  readonly profiler: Profiler;
  readonly commandLine: readonly string[];
}

/** /debug/pprof/: upstream's paths with the profiles a JavaScript engine has; open them in a browser's developer tools. */
export function createPprofHandler({ profiler, commandLine }: PprofDeps): RouteHandler {
  return async (request, { rest = "" }) => {
    const over = (standard: number): number => secondsOf(request.query.get("seconds"), standard);
    const heap = (which: "in-use" | "all") => profiler.heapProfile(over(HEAP_SECONDS), which, request.signal);
    try {
      switch (rest) {
        case "":
          return index();
        case "cmdline":
          return plainAnswer(200, commandLine.join("\0"), NOSNIFF);
        case "profile":
          return download("cpuprofile", await profiler.cpuProfile(over(CPU_SECONDS), request.signal));
        case "heap":
          return download("heapprofile", await heap("in-use"));
        case "allocs":
          return download("heapprofile", await heap("all"));
        default:
          return plainAnswer(404, "Unknown profile\n", NOSNIFF);
      }
    } catch (reason) {
      const busy = reason instanceof OrlopError && reason.code === "Conflict";
      return plainAnswer(busy ? 503 : 500, `Could not take the profile: ${messageOf(reason)}\n`, NOSNIFF);
    }
  };
}

function secondsOf(text: string | null, standard: number): number {
  const seconds = Number(text ?? standard);
  return seconds > 0 ? Math.min(seconds, LONGEST_SECONDS) : standard;
}

function download(extension: string, body: Uint8Array): HttpResponse {
  const headers = {
    "content-type": "application/json",
    "content-disposition": `attachment; filename="kubelet.${extension}"`,
    ...NOSNIFF,
  };
  return { status: 200, headers, body };
}

function index(): HttpResponse {
  const rows = PROFILES.map(([name, about]) => `<li><a href="${name}">${name}</a>: ${about}</li>`);
  const body = `<html><head><title>/debug/pprof/</title></head><body>/debug/pprof/<ul>${rows.join("")}</ul></body></html>\n`;
  return { status: 200, headers: { "content-type": "text/html; charset=utf-8", ...NOSNIFF }, body };
}
