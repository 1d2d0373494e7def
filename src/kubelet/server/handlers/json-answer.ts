import type { HttpResponse } from "../../../ports/http.ts";

/** JSON as the API's clients get it. */
export function jsonAnswer(value: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status: 200, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(value) };
}
