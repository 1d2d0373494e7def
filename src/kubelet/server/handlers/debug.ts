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

const DEFAULT_PROFILE_SECONDS = 30;
const LONGEST_PROFILE_SECONDS = 600;

const PROFILES: readonly (readonly [name: string, about: string])[] = [
  ["allocs", "A sampling of allocations over ?seconds (V8 .heapprofile)"],
  ["cmdline", "The command line invocation of the current program"],
  ["heap", "A snapshot of the heap (V8 .heapsnapshot)"],
  ["profile", "CPU profile over ?seconds (V8 .cpuprofile)"],
];

export interface PprofDeps {
  readonly profiler: Profiler;
  readonly commandLine: readonly string[];
}

/** /debug/pprof/: upstream's paths with the profiles a JavaScript engine has; open them in a browser's developer tools. */
export function createPprofHandler({ profiler, commandLine }: PprofDeps): RouteHandler {
  return async (request, { rest = "" }) => {
    const seconds = parseSeconds(request.query.get("seconds"));
    try {
      switch (rest) {
        case "":
          return index();
        case "cmdline":
          return plainAnswer(200, commandLine.join("\0"), NOSNIFF);
        case "profile":
          return download("cpuprofile", await profiler.cpuProfile(seconds, request.signal));
        case "allocs":
          return download("heapprofile", await profiler.allocationProfile(seconds, request.signal));
        case "heap":
          return {
            status: 200,
            headers: downloadHeaders("heapsnapshot"),
            body: async (writer) => {
              for await (const chunk of profiler.heapSnapshot(request.signal)) await writer.write(chunk);
            },
          };
        default:
          return plainAnswer(404, `Unknown profile\n`, NOSNIFF);
      }
    } catch (reason) {
      const busy = reason instanceof OrlopError && reason.code === "Conflict";
      return plainAnswer(busy ? 503 : 500, `Could not take the profile: ${messageOf(reason)}\n`, NOSNIFF);
    }
  };
}

function parseSeconds(text: string | null): number {
  const seconds = Number(text ?? DEFAULT_PROFILE_SECONDS);
  return seconds > 0 ? Math.min(seconds, LONGEST_PROFILE_SECONDS) : DEFAULT_PROFILE_SECONDS;
}

function downloadHeaders(extension: string): Readonly<Record<string, string>> {
  return {
    "content-type": "application/json",
    "content-disposition": `attachment; filename="kubelet.${extension}"`,
    ...NOSNIFF,
  };
}

function download(extension: string, body: Uint8Array) {
  return { status: 200, headers: downloadHeaders(extension), body };
}

function index() {
  const rows = PROFILES.map(([name, about]) => `<li><a href="${name}">${name}</a>: ${about}</li>`);
  const body = `<html><head><title>/debug/pprof/</title></head><body>/debug/pprof/<ul>${rows.join("")}</ul></body></html>\n`;
  return { status: 200, headers: { "content-type": "text/html; charset=utf-8", ...NOSNIFF }, body };
}
