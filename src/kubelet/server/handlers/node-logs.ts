import { invalidValue } from "../../../api/field-error.ts";
import type { FieldError } from "../../../api/status-error.ts";
import { messageOf, OrlopError } from "../../../lib/orlop-error.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { DirectoryEntry, FileReader } from "../../../ports/files.ts";
import type { HostJournal } from "../../../ports/host-journal.ts";
import type { BodyWriter, HttpResponse } from "../../../ports/http.ts";
import { type NodeLogQuery, parseNodeLogQuery } from "../../logs/node-log-query.ts";
import { errorAnswer } from "../../streaming/plain-answers.ts";
import { escapeHtml } from "../escape-html.ts";
import type { RouteHandler } from "../routes.ts";
import { fileAnswer } from "./file-answer.ts";
import { gzipBody } from "./gzip-body.ts";

export interface NodeLogsDeps {
  readonly files: Pick<FileReader, "realPath" | "information" | "list" | "open">;
  readonly clock: Pick<Clock, "sleep">;
  /** Absent: services are looked for in files only. */
  readonly journal?: HostJournal;
}

export interface NodeLogsOptions {
  /** e.g. "/var/log" */
  readonly directory: string;
  /** enableSystemLogQuery: parameters ask for logs of services (KEP-2258); else they mean nothing. */
  readonly queries: boolean;
}

const NOT_FOUND = "404 page not found\n";
const QUERY_MS = 30_000;

/** /logs/: files below the host's log directory, with listings. Links that lead out of it are not followed. */
export function createNodeLogsHandler(deps: NodeLogsDeps, options: NodeLogsOptions): RouteHandler {
  return async (request, { rest = "" }) => {
    const asked = options.queries ? parseNodeLogQuery(request.query) : undefined;
    if (asked !== undefined && asked.type !== "query") {
      return errorAnswer(asked.type === "malformed" ? 400 : 406, `${errorText(asked.errors)}\n`);
    }
    const [named] = asked?.query.files ?? [];
    if (asked !== undefined && asked.query.services.length > 0) {
      const answer = servicesAnswer(deps, options, asked.query);
      if (request.headers["accept-encoding"] !== "gzip") return answer;
      return { ...answer, headers: { ...answer.headers, "content-encoding": "gzip" }, body: gzipBody(answer.body) };
    }
    const { range } = request.headers;
    if (named !== undefined) return namedFile(deps, options, named, range);
    try {
      const root = await deps.files.realPath(options.directory);
      const path = await deps.files.realPath(`${root}/${rest}`);
      if (path !== root && !path.startsWith(`${root}/`)) return errorAnswer(404, NOT_FOUND);
      const information = await deps.files.information(path);
      if (information?.kind === "directory") {
        if (!request.path.endsWith("/"))
          return { status: 301, headers: { location: `${lastName(request.path)}/` }, body: "" };
        return listing(await deps.files.list(path));
      }
      if (information?.kind !== "file") return errorAnswer(404, NOT_FOUND);
      return await fileAnswer(deps, path, range);
    } catch (reason) {
      if (reason instanceof OrlopError && reason.code === "NotFound") return errorAnswer(404, NOT_FOUND);
      if (reason instanceof OrlopError && reason.code === "Forbidden") return errorAnswer(403, "403 Forbidden\n");
      return errorAnswer(500, `500 Internal Server Error: ${messageOf(reason)}\n`);
    }
  };
}

/** A file a query names: it must be there, inside the log directory. */
async function namedFile(
  deps: NodeLogsDeps,
  { directory }: NodeLogsOptions,
  name: string,
  range: string | undefined,
): Promise<HttpResponse> {
  const path = await insideOf(deps, directory, name.replaceAll("\\", "/"));
  const information = path === undefined ? undefined : await deps.files.information(path).catch(() => undefined);
  if (path === undefined || information === undefined) {
    return errorAnswer(406, `${errorText([invalidValue("query", [name], "no such file in the log directory")])}\n`);
  }
  if (information.kind === "directory") return listing(await deps.files.list(path));
  return information.kind === "file" ? await fileAnswer(deps, path, range) : errorAnswer(404, NOT_FOUND);
}

/** The real path of a file when it lies inside the directory, links followed. */
async function insideOf(deps: NodeLogsDeps, directory: string, name: string): Promise<string | undefined> {
  try {
    const root = await deps.files.realPath(directory);
    const path = await deps.files.realPath(`${root}/${name}`);
    return path.startsWith(`${root}/`) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** The journal's entries for services it knows, or their files; no longer than half a minute. */
function servicesAnswer(deps: NodeLogsDeps, { directory }: NodeLogsOptions, query: NodeLogQuery) {
  return {
    status: 200,
    headers: { "content-type": "text/plain;charset=UTF-8" },
    body: async (writer: BodyWriter): Promise<void> => {
      const limit = new AbortController();
      const finished = new AbortController();
      deps.clock.sleep(QUERY_MS, finished.signal).then(
        () => limit.abort(),
        () => undefined,
      );
      try {
        await copyServices(deps, directory, query, limit.signal, (chunk) => writer.write(chunk));
      } catch (reason) {
        await writer.write(`\nerror: ${limit.signal.aborted ? "the time for a query is over" : messageOf(reason)}\n`);
      } finally {
        finished.abort();
      }
    },
  };
}

async function copyServices(
  deps: NodeLogsDeps,
  directory: string,
  { services, options }: NodeLogQuery,
  signal: AbortSignal,
  write: (chunk: Uint8Array | string) => Promise<void>,
): Promise<void> {
  const { journal } = deps;
  const inFiles: string[] = [];
  const inJournal: string[] = [];
  for (const service of services) {
    const known = journal !== undefined && (await journal.knows(service, signal));
    (known ? inJournal : inFiles).push(service);
  }
  if (inFiles.length > 0 && Object.keys(options).length > 0) {
    await write(
      `\noptions present and query resolved to log files for [${inFiles.join(" ")}]\ntry without specifying options\n`,
    );
    return;
  }
  if (inFiles.length === 0 && journal !== undefined) {
    for await (const chunk of journal.read({ ...options, services: inJournal }, signal)) await write(chunk);
  }
  for (const service of inFiles) {
    const found = await firstFile(deps, directory, [service, `${service}.log`, `${service}/${service}.log`]);
    if (found === undefined) await write(`\nlog not found for ${service}\n`);
    else await copyFile(deps, found, write);
  }
}

async function firstFile(deps: NodeLogsDeps, directory: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const path = await insideOf(deps, directory, name);
    const information = path === undefined ? undefined : await deps.files.information(path).catch(() => undefined);
    if (information?.kind === "file") return path;
  }
  return undefined;
}

async function copyFile(
  deps: NodeLogsDeps,
  path: string,
  write: (chunk: Uint8Array | string) => Promise<void>,
): Promise<void> {
  const answer = await fileAnswer(deps, path);
  if (!("upgraded" in answer) && typeof answer.body === "function") await answer.body({ write });
}

function errorText(errors: readonly FieldError[]): string {
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}

function lastName(path: string): string {
  return encodeURIComponent(path.slice(path.lastIndexOf("/") + 1));
}

function listing(entries: readonly DirectoryEntry[]): HttpResponse {
  const rows = entries
    .map(({ name, kind }) => (kind === "directory" ? `${name}/` : name))
    .sort()
    .map((name) => `<a href="${name.split("/").map(encodeURIComponent).join("/")}">${escapeHtml(name)}</a>\n`);
  return {
    status: 200,
    headers: { "content-type": "text/html; charset=utf-8" },
    body: `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${rows.join("")}</pre>\n`,
  };
}
