import type { KindDefinition } from "../../api/kinds/definition.ts";
import { notAcceptable } from "../../api/status-error.ts";
import { GIT_VERSION } from "../../api/version.ts";
import type { HttpRequest, HttpResponse } from "../../ports/http.ts";
import { answer } from "../encoding/answer.ts";
import { hashOf } from "../encoding/hash.ts";
import { parseAccept } from "../encoding/negotiation.ts";
import type { VirtualResource } from "../extension.ts";
import { documentedKinds, openApiDocument } from "./document.ts";
import { createSwagger } from "./swagger.ts";

/** Answers /openapi/v2, and /openapi/v3 and below; undefined for other paths. */
export type OpenApi = (request: HttpRequest) => HttpResponse | undefined;

export function createOpenApi(parts: {
  readonly kinds: readonly KindDefinition[];
  readonly virtualResources: readonly VirtualResource[];
}): OpenApi {
  const kinds = documentedKinds(parts.kinds, parts.virtualResources);
  const groupVersions = new Map(
    kinds.map(({ group, version }) => [
      group === "" ? `api/${version}` : `apis/${group}/${version}`,
      `${group}/${version}`,
    ]),
  );
  /** Changes with the release, which is all the documents depend on besides the kinds. */
  const hashFor = (path: string): string =>
    hashOf(`${GIT_VERSION} ${path} ${kinds.map(({ group, kind }) => `${group}/${kind}`).join(" ")}`);
  const documents = new Map<string, string>();
  const swagger = createSwagger(kinds);

  return (request) => {
    const path = request.path.replace(/\/$/, "");
    if (path === "/openapi/v2") return swagger(request);
    if (path !== "/openapi/v3" && !path.startsWith("/openapi/v3/")) return undefined;
    if (!acceptsJson(request)) throw notAcceptable("only the following media types are accepted: application/json");
    if (path === "/openapi/v3") {
      const paths = [...groupVersions.keys()].map((key) => [
        key,
        { serverRelativeURL: `/openapi/v3/${key}?hash=${hashFor(key)}` },
      ]);
      return answer(200, { paths: Object.fromEntries(paths) });
    }
    const key = path.slice("/openapi/v3/".length);
    const groupVersion = groupVersions.get(key);
    if (groupVersion === undefined) return undefined;
    const hash = hashFor(key);
    const etag = `"${hash}"`;
    const headers = {
      "Content-Type": "application/json",
      ETag: etag,
      Vary: "Accept",
      ...(request.query.get("hash") === hash && { "Cache-Control": "public, immutable" }),
    };
    if (request.headers["if-none-match"] === etag) return { status: 304, headers };
    const document =
      documents.get(key) ??
      JSON.stringify(openApiDocument(kinds.filter(({ group, version }) => `${group}/${version}` === groupVersion)));
    documents.set(key, document);
    return { status: 200, headers, body: document };
  };
}

function acceptsJson(request: HttpRequest): boolean {
  const accept = request.headers["accept"] ?? "";
  return accept === "" || parseAccept(accept).some(({ type }) => /^(?:\*|application)\/(?:\*|json)$/.test(type));
}
