import type { FileReader } from "../../../ports/files.ts";
import type { HttpResponse } from "../../../ports/http.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";

export interface FileAnswerDeps {
  readonly files: Pick<FileReader, "open">;
}

const CHUNK_BYTES = 64 * 1024;

/** The part of a file a client asks for: all of it, one range, or none that is there. */
export type WantedPart =
  | { readonly part: "whole" }
  | { readonly part: "range"; readonly start: number; readonly end: number }
  | { readonly part: "unsatisfiable" };

/**
 * Reads a Range header (RFC 9110, section 14). One range is served; several, and what can not be read, count as none, which
 * the RFC allows. `end` is exclusive.
 */
export function wantedPart(range: string | undefined, size: number): WantedPart {
  const match = /^bytes=(\d*)-(\d*)$/.exec((range ?? "").trim());
  if (match === null) return { part: "whole" };
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return { part: "whole" };
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return { part: "whole" };
  return start < end ? { part: "range", start, end } : { part: "unsatisfiable" };
}

/** A file as it is now: one that grows does not keep the answer open. */
export async function fileAnswer(deps: FileAnswerDeps, path: string, range?: string): Promise<HttpResponse> {
  const file = await deps.files.open(path);
  const { size, modifiedAt } = await file.information();
  const wanted = wantedPart(range, size);
  if (wanted.part === "unsatisfiable") {
    await file.close();
    return plainAnswer(416, "invalid range: failed to overlap\n", { "content-range": `bytes */${size}` });
  }
  const { start, end } = wanted.part === "range" ? wanted : { start: 0, end: size };
  return {
    status: wanted.part === "range" ? 206 : 200,
    headers: {
      "content-type": path.endsWith(".gz") ? "application/gzip" : "text/plain; charset=utf-8",
      "accept-ranges": "bytes",
      "last-modified": new Date(modifiedAt).toUTCString(),
      "content-length": String(end - start),
      ...(wanted.part === "range" && { "content-range": `bytes ${start}-${end - 1}/${size}` }),
    },
    body: async (writer) => {
      try {
        for (let offset = start; offset < end; ) {
          const chunk = await file.read(offset, Math.min(CHUNK_BYTES, end - offset));
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
