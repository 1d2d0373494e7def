import { messageOf } from "../../../lib/orlop-error.ts";
import type { HttpRequest } from "../../../ports/http.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";
import type { RouteHandler } from "../routes.ts";
import { jsonAnswer } from "./json-answer.ts";

const FORM_LIMIT_BYTES = 64 * 1024;

/** /stats/summary. `only_cpu_and_memory` counts when it is given exactly once with the value true. */
export function createSummaryHandler(
  summarize: (onlyCpuAndMemory: boolean, signal: AbortSignal) => Promise<unknown>,
): RouteHandler {
  return async (request) => {
    let values: readonly string[];
    try {
      values = await formValues(request, "only_cpu_and_memory");
    } catch (reason) {
      return plainAnswer(500, `Internal Error: parse form failed: ${messageOf(reason)}`);
    }
    try {
      return jsonAnswer(await summarize(values.length === 1 && values[0] === "true", request.signal));
    } catch (reason) {
      return plainAnswer(500, `Internal Error: ${messageOf(reason)}`);
    }
  };
}

async function formValues(request: HttpRequest, name: string): Promise<readonly string[]> {
  const fromQuery = request.query.getAll(name);
  if (request.method !== "POST") return fromQuery;
  const header = request.headers["content-type"] ?? "";
  const type = (header.split(";")[0] ?? "").trim().toLowerCase();
  if (header !== "" && !/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(type)) {
    throw new Error(`mime: ${JSON.stringify(header)} is no media type`);
  }
  if (type !== "application/x-www-form-urlencoded") return fromQuery;
  const body = new URLSearchParams(new TextDecoder().decode(await request.body(FORM_LIMIT_BYTES)));
  return [...body.getAll(name), ...fromQuery];
}
