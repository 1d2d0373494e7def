import { messageOf, OrlopError } from "../../../lib/orlop-error.ts";
import type { DirectoryEntry, FileReader } from "../../../ports/files.ts";
import type { HttpResponse } from "../../../ports/http.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";
import type { RouteHandler } from "../routes.ts";

export interface NodeLogsDeps {
  readonly files: Pick<FileReader, "realPath" | "information" | "list" | "open">;
}

export interface NodeLogsOptions {
  /** e.g. "/var/log" */
  readonly directory: string;
}

const CHUNK_BYTES = 64 * 1024;
const NOT_FOUND = "404 page not found\n";

/** /logs/: files below the host's log directory, with listings. Links that lead out of it are not followed. */
export function createNodeLogsHandler(deps: NodeLogsDeps, options: NodeLogsOptions): RouteHandler {
  return async (request, { rest = "" }) => {
    try {
      const root = await deps.files.realPath(options.directory);
      const path = await deps.files.realPath(`${root}/${rest}`);
      if (path !== root && !path.startsWith(`${root}/`)) return plainAnswer(404, NOT_FOUND);
      const information = await deps.files.information(path);
      if (information?.kind === "directory") {
        if (!request.path.endsWith("/"))
          return { status: 301, headers: { location: `${lastName(request.path)}/` }, body: "" };
        return listing(await deps.files.list(path));
      }
      if (information?.kind !== "file") return plainAnswer(404, NOT_FOUND);
      return await fileAnswer(deps, path);
    } catch (reason) {
      if (reason instanceof OrlopError && reason.code === "NotFound") return plainAnswer(404, NOT_FOUND);
      if (reason instanceof OrlopError && reason.code === "Forbidden") return plainAnswer(403, "403 Forbidden\n");
      return plainAnswer(500, `500 Internal Server Error: ${messageOf(reason)}\n`);
    }
  };
}

function lastName(path: string): string {
  return encodeURIComponent(path.slice(path.lastIndexOf("/") + 1));
}

async function fileAnswer(deps: NodeLogsDeps, path: string): Promise<HttpResponse> {
  const file = await deps.files.open(path);
  // As much as there is now: a log that grows must not keep the answer open.
  const { size } = await file.information();
  return {
    status: 200,
    headers: { "content-type": path.endsWith(".gz") ? "application/gzip" : "text/plain; charset=utf-8" },
    body: async (writer) => {
      try {
        for (let offset = 0; offset < size; ) {
          const chunk = await file.read(offset, Math.min(CHUNK_BYTES, size - offset));
          if (chunk.length === 0) break;
          offset += chunk.length;
          await writer.write(chunk);
        }
      } finally {
        await file.close();
      }
    },
  };
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

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&#34;");
}
